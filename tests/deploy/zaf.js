// Stands in for Zendesk's SDK: the calls the app may make, answered by the test; anything else is an error.
"use strict";
window.ZAFClient = {
  init() {
    const known = new Set(["app.registered", "app.activated", "ticket.status.changed"]);
    return {
      metadata: async () => ({ appId: 1, installationId: 2, settings: JSON.parse(await window.zaf("metadata", "")) }),
      get: async (paths) => JSON.parse(await window.zaf("get", JSON.stringify(paths))),
      request: async (options) => {
        const answer = JSON.parse(await window.zaf("request", JSON.stringify(options)));
        if (answer.status >= 400) throw { status: answer.status, responseText: JSON.stringify(answer.body) };
        return answer.body;
      },
      invoke: async (name, ...rest) => JSON.parse(await window.zaf("invoke", JSON.stringify([name, ...rest]))),
      on: (name, listener) => {
        if (!known.has(name)) throw new Error(`no such event: ${name}`);
        if (name === "app.registered") setTimeout(() => listener({}), 0);
        if (name === "app.activated") window.activated = listener;
      },
    };
  },
};
