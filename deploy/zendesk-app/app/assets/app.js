"use strict";
// What the ticket's fields and tags say, and what Backstop adds when the app may ask it. Writes go to Zendesk as the
// agent who clicks; Backstop hears of them as of any other change.

const client = ZAFClient.init();
const root = document.getElementById("app");

function marked(tags, prefix, settings, fields) {
  const intents = tags.filter((tag) => tag.startsWith(`${prefix}intent_`));
  const has = (name) => tags.includes(prefix + name);
  const bare = (value) => String(value || "").replace(`${prefix}intent_`, "");
  const share = parseInt(fields.confidence, 10);
  return {
    intent: bare(fields.intent) || bare(intents[0]),
    confidence: Number.isNaN(share) ? null : share / 100,
    outcome: has("reescalated") ? "reescalated" : has("auto_resolved") ? "auto_resolved" : has("general_queue") ? "general_queue" : has("routed") ? "routed" : "",
    priority: has("urgent") ? "urgent" : has("high") ? "high" : "",
    humanRequested: has("human_requested"),
    known: intents.length > 0 || Boolean(fields.intent) || ["auto_resolved", "routed", "general_queue", "escalated", "reescalated"].some(has),
    state: "", why: "", rule: "", runners: [], evidence: [], promise: "", next: null, claimedBy: "", trouble: "",
  };
}

function told(found, story) {
  // The same document that `backstop show --json` prints. What an agent has corrected in the ticket stays.
  const ticket = story.ticket || {};
  const last = (story.decisions || []).at(-1) || {};
  const ladder = ticket.ladder || [];
  const waiting = ticket.state === "escalated" || ticket.state === "reescalated";
  return {
    ...found,
    known: true,
    intent: found.intent || last.intent || ticket.intent || "",
    confidence: found.confidence ?? last.confidence ?? (ticket.intent ? ticket.confidence : null),
    outcome: found.outcome || ticket.outcome || "",
    priority: ticket.priority || found.priority,
    state: ticket.state || "",
    why: last.reason || ticket.reason || "",
    rule: last.rule ? `${last.rule}, rules version ${last.rules_version}` : "",
    runners: (last.alternatives || []).filter(([, share]) => share >= 0.01).slice(0, 2), // "0%" tells nothing
    evidence: (last.evidence || []).slice(0, 5),
    promise: ticket.promise_at || "",
    next: waiting ? ladder[ticket.rung || 0] || null : null,
    claimedBy: ticket.claimed_by || "",
  };
}

async function asked(settings, ticketId) {
  const url = `${settings.backstop_url.replace(/\/+$/, "")}/api/tickets/${encodeURIComponent(settings.desk)}/${encodeURIComponent(ticketId)}`;
  return client.request({ url, type: "GET", dataType: "json", secure: true, headers: { Authorization: "Bearer {{setting.token}}" } });
}

async function options(settings, found) {
  // The field's own options; without a field, what else it might have been.
  if (settings.intent_field) {
    try {
      const answer = await client.request({ url: `/api/v2/ticket_fields/${settings.intent_field}.json`, type: "GET", dataType: "json" });
      const listed = (answer.ticket_field.custom_field_options || []).map((one) => [one.value.replace(`${settings.tag_prefix}intent_`, ""), one.name]);
      found.tagger = listed.length > 0; // a drop-down's option is a tag; a text field takes the plain name
      if (found.tagger) return listed;
    } catch (error) {
      found.trouble = found.trouble || `The intent field ${settings.intent_field} cannot be read: is its id right in the app's settings?`;
    }
  }
  const names = [...new Set([found.intent, ...found.runners.map(([name]) => name)])].filter(Boolean);
  return names.map((name) => [name, plain(name)]);
}

async function look() {
  const { settings } = await client.metadata();
  settings.tag_prefix = settings.tag_prefix || "ai_";
  const custom = (id) => `ticket.customField:custom_field_${id}`;
  const paths = ["ticket.id", "ticket.tags", "ticket.assignee", "currentUser"];
  for (const id of [settings.intent_field, settings.confidence_field]) if (id) paths.push(custom(id));
  const got = await client.get(paths);
  const me = got.currentUser || {};
  let found = marked(got["ticket.tags"] || [], settings.tag_prefix, settings, {
    intent: settings.intent_field && got[custom(settings.intent_field)],
    confidence: settings.confidence_field && got[custom(settings.confidence_field)],
  });
  if (settings.backstop_url && settings.desk) {
    try {
      found = told(found, await asked(settings, got["ticket.id"]));
    } catch (error) {
      if (error.status !== 404) found.trouble = "Backstop does not answer; this is what the ticket itself says.";
    }
  }
  const holder = ((got["ticket.assignee"] || {}).user || {}).id;
  found.mine = Boolean(me.id) && String(holder) === String(me.id);
  return { found, settings, me, ticketId: got["ticket.id"] };
}

async function change(ticketId, changes) {
  // Read, merge, write with Zendesk's own check: nobody's tags are lost.
  const url = `/api/v2/tickets/${ticketId}.json`;
  const { ticket } = await client.request({ url, type: "GET", dataType: "json" });
  const body = { ...changes(ticket), safe_update: true, updated_stamp: ticket.updated_at };
  return client.request({ url, type: "PUT", dataType: "json", contentType: "application/json", data: JSON.stringify({ ticket: body }) });
}

function corrected(seen, intent) {
  const { tag_prefix: prefix, intent_field: field } = seen.settings;
  return (ticket) => {
    const tags = ticket.tags.filter((tag) => !tag.startsWith(`${prefix}intent_`)).concat(`${prefix}intent_${intent}`);
    if (!field) return { tags };
    return { tags, custom_fields: [{ id: Number(field), value: seen.found.tagger ? `${prefix}intent_${intent}` : intent }] };
  };
}

async function act(ticketId, changes, words) {
  for (const button of root.querySelectorAll("button")) button.disabled = true;
  try {
    await change(ticketId, changes);
    client.invoke("notify", words, "notice");
  } catch (error) {
    const why = error.status === 409 ? "Somebody changed the ticket at the same moment: please try again." : `Zendesk refused it (${error.status || "no answer"}).`;
    client.invoke("notify", why, "error");
  }
  await show();
}

async function show() {
  try {
    const seen = await look();
    const choices = seen.found.known ? await options(seen.settings, seen.found) : [];
    const acts = {
      take: () => act(seen.ticketId, () => ({ assignee_id: Number(seen.me.id) }), "The ticket is yours."),
      correct: (intent) => act(seen.ticketId, corrected(seen, intent), `Noted: ${plain(intent)}. Backstop learns from it.`),
    };
    draw(root, seen.found, choices, acts, seen.me.locale, new Date());
  } catch (error) {
    root.replaceChildren(trouble("Zendesk did not tell this app about the ticket. Reload the page."));
  }
  client.invoke("resize", { width: "100%", height: `${root.scrollHeight + 12}px` });
}

client.on("app.registered", show);
client.on("app.activated", show);
client.on("ticket.status.changed", show);
