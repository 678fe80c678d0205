"use strict";
// Made by `make env` from core/web/state_words.py.
const OUTCOMES = {
  "auto_resolved": "answered automatically",
  "routed": "routed to a specialist",
  "general_queue": "general queue",
  "left_alone": "no action needed",
  "reescalated": "came back after an automatic answer",
  "dead_letter": "failed, please check"
};
const STATES = {
  "received": "in progress",
  "left_alone": "no action needed",
  "auto_resolved": "answered automatically",
  "escalated": "waiting for a human",
  "claimed": "claimed",
  "answered": "answered by a human",
  "reescalated": "came back, waiting for a human",
  "dead_letter": "failed, please check"
};
