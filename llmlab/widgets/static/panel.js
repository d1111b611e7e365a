// panel.js: the screen. It builds what the kernel declared (`_spec`), says which views are open, and draws what comes.
// The other half is widgets/panel.py, whose docstring lists the messages; VIEWS is written by widgets/frontend.py.

const QUIET_MS = 400; // after the last change: then the status is read out and the snapshot brought up to date
const NARROW = 560; // pixels: then only the first group of controls starts unfolded, so that the charts are near
const SLOW_MS = 700; // without an answer: then we say that we wait

/** JupyterLab's command mode would take arrows, letters and Enter from our inputs; Escape and chords are let through. */
function keepKeys(event) {
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  const editing = event.target.matches("input, textarea") && ["a", "c", "v", "x", "z", "enter"].includes(event.key.toLowerCase());
  if (event.key !== "Escape" && (!chord || editing)) event.stopPropagation();
}

function saveFile(name, contents) {
  const type = typeof contents === "string" ? "text/plain" : "application/octet-stream";
  const url = URL.createObjectURL(new Blob([contents], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** How far a run is, in words and as a bar; shown while there is one. */
function progressBar() {
  const done = h("span", { class: "done" });
  const bar = h("span", { class: "run-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, done);
  const words = h("span", { class: "run-words" });
  const node = h("div", { class: "run", hidden: true }, bar, words);
  const show = (progress) => {
    node.hidden = !progress;
    if (!progress) return;
    const [share, text] = progress;
    words.textContent = bar.ariaLabel = text;
    bar.ariaValueNow = share === null ? null : Math.round(100 * share);
    bar.classList.toggle("unknown", share === null);
    done.style.width = share === null ? "" : `${100 * share}%`;
  };
  return { node, show };
}

function render({ model, el, signal }) {
  const spec = () => model.get("_spec");
  const root = h("div", { class: "llmlab", role: "region", "aria-label": spec().title });
  const alert = h("div", { class: "alert", role: "alert" });
  const status = h("p", { class: "status", role: "status" });
  const waiting = h("span", { class: "waiting", "aria-hidden": "true" });
  const progress = progressBar();
  const controls = h("div", { class: "controls" });
  const views = new Map(); // id -> { draw, patch, box, drawn }
  const buttons = new Map(); // action -> its button
  let number; // of the last message that drew
  let due; // the status that is shown once things are quiet
  let quiet;
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
  const announce = (text) => {
    if (status.textContent !== text) status.textContent = text; // the same text would be read out again
  };
  /** Says it after a pause. A run that draws all the time cannot put it off: only another text starts the pause again. */
  function announceWhenQuiet(text) {
    if (text === due) return;
    clearTimeout(quiet);
    due = text;
    quiet = setTimeout(() => {
      due = undefined;
      announce(text);
    }, QUIET_MS);
  }

  // Building

  function actionButtons(view) {
    return spec().actions.filter((action) => action.view === view).map((action) => {
      const { name, label, help, primary } = action;
      const button = h("button", { type: "button", class: primary ? "primary" : "", title: help, onclick: () => {
        if (button.ariaDisabled === "true") announce(button.title);
        else send({ kind: "action", name });
      } }, label);
      buttons.set(name, { button, help });
      return button;
    });
  }
  /** Not `disabled`: that would take the focus from whoever has just pressed the button. */
  function refuse(reasons) {
    for (const [name, { button, help }] of buttons) {
      button.title = reasons[name] ?? help;
      button.ariaDisabled = name in reasons ? "true" : null;
    }
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
    const actions = actionButtons(view.id);
    if (view.help || actions.length) {
      body.append(h("div", { class: "view-head" }, h("p", { class: "help" }, view.help), h("div", { class: "actions" }, actions)));
    }
    const node = h("div", { class: "drawing" });
    body.append(node);
    const ask = (message) => send({ ...message, view: view.id });
    const drawing = VIEWS[view.kind]({ node, spec: view, ask, model, signal, announce });
    views.set(view.id, { ...drawing, box, drawn: false });
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

  const openOf = (ids) => ids.filter((id) => views.get(id).box.open);
  const askFor = (ids) => ids.length && send({ kind: "open", views: ids });

  function draw(id, payload) {
    const view = views.get(id);
    view.box.classList.remove("failed");
    view.drawn = true;
    view.draw(payload);
  }
  function patch(id, change) {
    const view = views.get(id);
    if (!view.drawn) return; // the whole is on its way
    view.box.classList.remove("failed");
    view.patch(change);
  }

  /** A message that draws. They are numbered: after one that was lost, patches would leave a hole. */
  function show(message) {
    if (number !== undefined && message.number !== number + 1) {
      for (const view of views.values()) view.drawn = false;
      askFor(openOf([...views.keys()]));
    }
    number = message.number;
    const { views: whole, patches, failed = [] } = message.kind === "draw" ? message : { views: {}, patches: message.views };
    for (const [id, payload] of Object.entries(whole)) draw(id, payload);
    for (const [id, change] of Object.entries(patches)) patch(id, change);
    for (const id of failed) views.get(id).box.classList.add("failed"); // the last drawing stays, dimmed
    if ("unavailable" in message) refuse(message.unavailable);
    if ("progress" in message) progress.show(message.progress);
    if ("status" in message) announceWhenQuiet(message.status);
    clearTimeout(settled);
    settled = setTimeout(() => model.send({ kind: "settled" }), QUIET_MS);
    if (message.kind === "draw") root.dataset.rev = message.rev;
  }

  async function finish({ clipboard, download, file, status: text }, [bytes]) {
    if (file !== undefined) saveFile(file, download ?? bytes);
    const copied = clipboard === undefined || (await copyText(clipboard, root));
    announce(copied ? text : "Press Ctrl+C to copy the selected text.");
  }

  function receive(message, buffers) {
    if (!("error" in message)) return;
    answered();
    const error = message.error ?? "";
    if (alert.textContent !== error) alert.textContent = error; // the same error would be read out again
    if (message.kind === "draw" || message.kind === "patch") show(message);
    if (message.kind === "hidden") askFor(openOf(message.views)); // in another view of this panel, but not in this one
    if (message.kind === "did") finish(message, buffers);
  }

  // Putting it up

  buildControls();
  root.append(
    h("header", {}, h("span", { class: "title", role: "heading", "aria-level": "3" }, spec().title), waiting, progress.node,
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
  send({ kind: "hello", views: openOf([...views.keys()]) });
  signal.addEventListener("abort", () => {
    building.abort();
    for (const timer of [quiet, settled, slow]) clearTimeout(timer);
    model.off("msg:custom", receive);
    model.off("change:_spec", buildControls);
  });
}

export default { render };
