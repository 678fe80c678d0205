// Some small comforts; every page works without them.
"use strict";
const zone = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const local = (root) => {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.title = time.textContent;
    time.textContent = zone.format(new Date(time.dateTime));
  }
};
local(document);

for (const output of document.querySelectorAll("output[data-of]")) {
  const input = output.parentElement.querySelector("input");
  input.addEventListener("input", () => { output.textContent = Number(input.value).toFixed(2); });
}

for (const input of document.querySelectorAll("input[data-zone]")) {
  input.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone;
}

// "Now" stays now: asked again every 30 s (or as often as the page says) while seen, never under somebody's hands.
const live = document.querySelector("[data-live]");
if (live) {
  const asked = setInterval(async () => {
    if (document.hidden || live.contains(document.activeElement)) return;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return;
    if (live.dataset.live && !fresh.querySelector("progress")) {
      clearInterval(asked);
      location.reload();
      return;
    }
    live.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    local(live);
  }, Number(live.dataset.live || 30) * 1000);
}
