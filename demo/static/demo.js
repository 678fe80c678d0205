// Keeps the page fresh, and follows its links and forms without loading it anew. Everything works without this file.
(() => {
  const body = document.body, marks = {}, seen = new Set();
  const places = { inbox: "inbox", ticket: "ticket", people: "people", clock: "clock" };
  const ids = () => [...document.querySelectorAll("#inbox li")].map((li) => li.dataset.id);
  let busy = false, again = false;

  const typed = (place) => [...place.querySelectorAll("textarea")].map((t) => ({
    name: t.id, value: t.value, focus: t === document.activeElement, at: t.selectionStart }));

  function swap(place, html) {
    const kept = typed(place), focus = place.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const scroll = place.parentElement.scrollTop;
    place.innerHTML = html;
    for (const { name, value, focus: had, at } of kept) {
      const field = name && document.getElementById(name);
      if (!field) continue;
      field.value = value;
      if (had) { field.focus({ preventScroll: true }); field.setSelectionRange(at, at); }
    }
    if (focus) place.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    place.parentElement.scrollTop = scroll;
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const ticket = body.dataset.ticket;
      const answer = await fetch(`${body.dataset.state}?ticket=${ticket}`);
      if (answer.ok && ticket === body.dataset.ticket) show(await answer.json());
    } catch { /* the demo was stopped: the page stays as it is */ }
    busy = false;
    if (again) { again = false; refresh(); }
  }

  function show(parts) {
    for (const [name, id] of Object.entries(places)) {
      if (marks[name] === parts[name].mark) continue;
      marks[name] = parts[name].mark;
      swap(document.getElementById(id), parts[name].html);
      if (id === "ticket") document.title = `${document.querySelector("#ticket h1").textContent} · Backstop's demo`;
    }
    for (const li of document.querySelectorAll("#inbox li")) {
      if (!seen.has(li.dataset.id)) { seen.add(li.dataset.id); li.classList.add("fresh"); }
    }
  }

  function choose(ticket, url, push) {
    body.dataset.ticket = ticket;
    body.classList.toggle("chosen", Boolean(ticket));
    document.querySelector("[data-ticket-id]").value = ticket;
    if (push) history.pushState({}, "", url);
    return refresh();
  }

  const ticketOf = (url) => new URL(url, location).searchParams.get("ticket") || "";
  const home = new URL(document.querySelector(".brand").href).pathname;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (new URL(link.href).pathname !== home || link.hash) return;
    event.preventDefault();
    choose(ticketOf(link.href), link.href, true).then(() => {
      document.getElementById("ticket").focus({ preventScroll: true });
      if (innerWidth <= 736) scrollTo(0, 0);
    });
  });

  document.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target, data = new FormData(form, event.submitter);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: data });
      if (answer.ok && "clear" in form.dataset) form.querySelectorAll("textarea, input:not([type=hidden])").forEach((f) => { f.value = ""; });
      if (answer.ok) await choose(ticketOf(answer.url), answer.url, ticketOf(answer.url) !== body.dataset.ticket);
      else form.submit();  // let the server say what is wrong
    } catch { location.reload(); }
    for (const button of form.querySelectorAll("button")) button.disabled = false;
    delete marks.ticket; refresh();
  });

  addEventListener("popstate", () => choose(ticketOf(location.href), location.href, false));
  ids().forEach((id) => seen.add(id));
  setInterval(() => { if (!document.hidden) refresh(); }, 1000);
  refresh();
})();
