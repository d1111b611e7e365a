// loader.js: all of the front end that a saved notebook holds, once per panel. The rest is asked of the kernel, once a page
// and version (`VERSION` is written by widgets/frontend.py). While it is not there each panel asks for itself: to wait for
// the answer to another panel could be to wait for one whose kernel is gone.

const ANSWER_MS = 700; // without an answer: then we say what that may mean
const loaded = (globalThis.__llmlabFrontEnds ??= {}); // version -> { render }

function ask(model) {
  return new Promise((resolve) => {
    const receive = (message) => {
      if (message.kind !== "front end") return;
      model.off("msg:custom", receive);
      resolve(message);
    };
    model.on("msg:custom", receive);
    model.send({ kind: "front end" });
  });
}

async function load(model) {
  const { module, style } = await ask(model);
  const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const { default: frontEnd } = await import(url);
  URL.revokeObjectURL(url);
  if (loaded[VERSION]) return; // another panel was quicker
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  loaded[VERSION] = frontEnd;
}

async function render(context) {
  if (!loaded[VERSION]) {
    const note = document.createElement("p");
    note.textContent = "Loading…";
    context.el.append(note);
    const unsure = "No answer yet: the kernel is busy, or there is none (then run this cell to use the panel).";
    const slow = setTimeout(() => (note.textContent = unsure), ANSWER_MS);
    await load(context.model);
    clearTimeout(slow);
    note.remove();
  }
  return context.signal.aborted ? undefined : loaded[VERSION].render(context);
}

export default { render };
