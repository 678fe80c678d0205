"use strict";
// Made by `make env` from core/web/state_words.py.
const OUTCOMES = {
  "auto_resolved": "answered automatically",
  "routed": "routed to a specialist",
  "general_queue": "general queue",
  "left_alone": "nothing to be done",
  "reescalated": "came back after an automatic answer",
  "dead_letter": "given up: please look"
};
const STATES = {
  "received": "being looked at",
  "left_alone": "nothing to be done",
  "auto_resolved": "answered automatically",
  "escalated": "waiting for a human",
  "claimed": "claimed",
  "answered": "answered by a human",
  "reescalated": "came back, waiting for a human",
  "dead_letter": "given up: please look"
};
