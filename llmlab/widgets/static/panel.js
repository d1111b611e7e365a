// panel.js: the screen. It builds what the kernel declared (`_spec`), says which views are open, and draws what comes.
// The other half is widgets/panel.py, whose docstring lists the messages; VIEWS is written by widgets/frontend.py.

const QUIET_MS = 400; // after the last change: then the status is read out and the snapshot brought up to date
const NARROW = 560; // pixels: then only the first group of controls starts unfolded, so that the charts are near
const SLOW_MS = 700; // without an answer: then we say that we wait

/** JupyterLab's command mode would take arrows, letters and Enter from our inputs; Escape and chords are let through. */
function keepKeys(event) {
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  const editing = event.target.matches("input, textarea") && "acvxz".includes(event.key.toLowerCase());
  if (event.key !== "Escape" && (!chord || editing)) event.stopPropagation();
}

function saveFile(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function render({ model, el, signal }) {
  const spec = () => model.get("_spec");
  const root = h("div", { class: "llmlab", role: "region", "aria-label": spec().title });
  const alert = h("div", { class: "alert", role: "alert" });
  const status = h("p", { class: "status", role: "status" });
  const waiting = h("span", { class: "waiting", "aria-hidden": "true" });
  const controls = h("div", { class: "controls" });
  const views = new Map(); // id -> { draw, box, rev, spec }
  let settled;
  let slow;

  // Talking to the kernel

  function expectAnswer() {
    clearTimeout(slow);
    slow = setTimeout(() => {
      const live = root.classList.contains("live");
      root.classList.toggle("silent", !live); // restored from a saved notebook: what is left is the snapshot
      waiting.textContent = live ? "Waiting for the kernel…" : "No answer from a kernel: run this cell to use the panel.";
    }, SLOW_MS);
  }
  function answered() {
    clearTimeout(slow);
    waiting.textContent = "";
    root.classList.remove("silent");
    root.classList.add("live"); // hides the snapshot
  }
  const send = (message) => {
    model.send(message);
    expectAnswer();
  };
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
    expectAnswer();
  };
  const announce = (text) => (status.textContent = text);

  // Building

  function actionButtons(view) {
    return spec().actions.filter((action) => action.view === view).map(({ name, label, help }) =>
      h("button", { type: "button", title: help, onclick: () => send({ kind: "action", name }) }, label));
  }

  let building = new AbortController();
  function buildControls() {
    building.abort();
    building = new AbortController();
    const folded = new Set([...controls.querySelectorAll("[aria-expanded=false]")].map((one) => one.dataset.key));
    const groups = Map.groupBy(spec().controls, (control) => control.group);
    replaceKeepingFocus(controls, ...[...groups].map(([name, members]) => {
      const fields = h("div", { class: "fields", id: newId() },
        members.map((control) => buildControl(control, model, set, send, building.signal)));
      const fold = (open) => {
        fields.hidden = !open;
        toggle.setAttribute("aria-expanded", String(open));
      };
      const toggle = h("button", { type: "button", "data-key": `group ${name}`, "aria-controls": fields.id,
        onclick: () => fold(fields.hidden) }, name);
      fold(!folded.has(toggle.dataset.key));
      return h("fieldset", {}, name ? h("legend", {}, toggle) : "", fields);
    }));
    controls.hidden = !groups.size;
  }

  function buildView(view) {
    const body = h("div", { class: "body" });
    const box = h("details", { class: `view ${view.kind}-view ${view.half ? "half" : ""}` },
      h("summary", {}, h("span", { role: "heading", "aria-level": "4" }, view.title)), body);
    box.open = view.open;
    const buttons = actionButtons(view.id);
    if (view.help || buttons.length) {
      body.append(h("div", { class: "view-head" }, h("p", { class: "help" }, view.help), h("div", { class: "actions" }, buttons)));
    }
    const node = h("div", { class: "drawing" });
    body.append(node);
    const ask = (message) => send({ ...message, view: view.id });
    const drawing = VIEWS[view.kind]({ node, spec: view, ask, model, signal, announce });
    views.set(view.id, { ...drawing, box, rev: -1 });
    let open = view.open; // the first toggle event only says what we set ourselves
    box.addEventListener("toggle", () => {
      if (box.open === open) return;
      open = box.open;
      if (open) send({ kind: "open", views: [view.id] });
      else model.send({ kind: "close", view: view.id });
    });
    return box;
  }

  // Drawing

  function draw(message) {
    for (const [id, payload] of Object.entries(message.views)) {
      const view = views.get(id);
      view.box.classList.remove("failed");
      view.rev = message.rev;
      view.draw(payload);
    }
    for (const id of message.failed) {
      views.get(id).box.classList.add("failed"); // the last drawing stays, dimmed
      views.get(id).rev = message.rev;
    }
    // another view of this panel may have told the kernel that a view is closed which is open here: ask again
    const missed = [...views].filter(([, view]) => view.box.open && view.rev < message.rev).map(([id]) => id);
    if (missed.length) send({ kind: "open", views: missed });
    clearTimeout(settled);
    settled = setTimeout(() => {
      announce(message.status);
      model.send({ kind: "settled" });
    }, QUIET_MS);
    root.dataset.rev = message.rev;
  }

  async function finish({ clipboard, download, file, status: text }) {
    if (download !== undefined) saveFile(file, download);
    const copied = clipboard === undefined || (await copyText(clipboard, root));
    announce(copied ? text : "Press Ctrl+C to copy the selected text.");
  }

  function receive(message) {
    if (!("error" in message)) return;
    answered();
    alert.textContent = message.error ?? "";
    if (message.kind === "draw") draw(message);
    if (message.kind === "did") finish(message);
  }

  // Putting it up

  buildControls();
  root.append(
    h("header", {}, h("span", { class: "title", role: "heading", "aria-level": "3" }, spec().title), waiting,
      h("div", { class: "actions" }, actionButtons(""))),
    controls, alert,
    h("div", { class: "views" }, spec().views.map(buildView)), status);
  root.addEventListener("keydown", keepKeys);
  el.append(root);
  new ResizeObserver(([{ contentRect }], once) => {
    if (!contentRect.width) return; // not on screen yet
    once.disconnect();
    if (contentRect.width < NARROW) [...controls.querySelectorAll("legend button")].slice(1).forEach((one) => one.click());
  }).observe(root);
  model.on("msg:custom", receive);
  model.on("change:_spec", buildControls);
  const hello = () => send({ kind: "hello", views: [...views].filter(([, view]) => view.box.open).map(([id]) => id) });
  hello();
  signal.addEventListener("abort", () => {
    building.abort();
    clearTimeout(settled);
    clearTimeout(slow);
    model.off("msg:custom", receive);
    model.off("change:_spec", buildControls);
  });
}

export default { render };
