"use strict";
// From facts to what is shown. Everything is put in as text: subjects and reasons carry what customers wrote.

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function plain(name) {
  const words = String(name || "").replace(/_/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function percent(share) {
  return `${Math.floor(Number((share * 100).toFixed(9)))}%`; // as the note rounds it
}

function when(iso, locale, now) {
  // Backstop tells UTC; what `show` prints of the ledger may lack the zone.
  const at = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(iso) ? iso.replace(" ", "T") : `${iso.replace(" ", "T")}Z`);
  const words = at.toLocaleString(locale, { weekday: "short", hour: "2-digit", minute: "2-digit", day: "numeric", month: "short" });
  return { words, late: at < now };
}

function facts(found, locale, now) {
  const rows = [];
  const add = (name, value, late) => value && rows.push([name, value, late]);
  add("State", STATES[found.state]);
  add("Why", found.why);
  add("Also possible", found.runners.map(([name, share]) => `${plain(name)} ${percent(share)}`).join(", "));
  add("What weighed most", found.evidence.join(", "));
  if (found.promise) {
    const at = when(found.promise, locale, now);
    const open = found.state === "escalated" || found.state === "reescalated";
    add("Promised to the customer", at.late && open ? `${at.words} – overdue` : at.words, at.late && open);
  }
  if (found.next) {
    const at = when(found.next.at, locale, now);
    add("Told next, if nobody takes it", `${found.next.notify}, ${at.words}`);
  }
  add("Taken by", found.claimedBy);
  add("Rule", found.rule);
  return rows;
}

function pills(found) {
  const shown = [];
  if (found.outcome) shown.push(make("span", { class: `pill ${found.outcome}` }, OUTCOMES[found.outcome] || plain(found.outcome)));
  if (found.priority === "urgent" || found.priority === "high") shown.push(make("span", { class: `pill ${found.priority}` }, found.priority));
  if (found.humanRequested) shown.push(make("span", { class: "pill urgent" }, "asked for a human"));
  return shown;
}

function sure(found) {
  if (found.confidence === null) return null;
  const words = `${percent(found.confidence)} sure`;
  return make("div", { class: "sure" }, make("meter", { min: 0, max: 1, value: found.confidence, "aria-label": words }), make("span", {}, words));
}

function chooser(found, choices, correct) {
  if (choices.length < 2) return null;
  const select = make("select", { id: "intent" }, ...choices.map(([value, name]) => make("option", { value, selected: value === found.intent }, name)));
  const save = make("button", { type: "button", disabled: true, onclick: () => correct(select.value) }, "Correct the intent");
  select.addEventListener("change", () => { save.disabled = select.value === found.intent; });
  return [make("label", { for: "intent" }, "What the customer really wants", select), save];
}

function draw(root, found, choices, acts, locale, now) {
  if (!found.known) {
    root.replaceChildren(make("p", { class: "quiet" }, "Backstop has not marked this ticket. New tickets are looked at within seconds."), trouble(found.trouble));
    return;
  }
  const rows = facts(found, locale, now).map(([name, value, late]) => make("div", {}, make("dt", {}, name), make("dd", { class: late ? "late" : false }, value)));
  const take = make("button", { type: "button", class: "first", disabled: found.mine, onclick: acts.take }, found.mine ? "It is yours" : "I take it");
  root.replaceChildren(
    make("div", {}, ...pills(found)),
    make("h1", {}, found.intent === "none_of_these" || !found.intent ? "No known intent" : plain(found.intent)),
    sure(found) || "",
    trouble(found.trouble),
    rows.length ? make("dl", {}, ...rows) : "",
    make("div", { class: "acts" }, take, ...(chooser(found, choices, acts.correct) || [])),
  );
}

function trouble(words) {
  return words ? make("p", { class: "trouble", role: "alert" }, words) : "";
}
