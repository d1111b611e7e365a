// dom.js: building DOM without markup. Data only ever becomes text nodes and attribute values, so it cannot run.
// These files are joined into one module in Python: a widget's module is loaded from a blob and cannot import others.

/** h("td", { class: "x", title: "why", onclick: f }, "text", otherNode): falsy attributes and children are left out. */
function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false || value === "") continue;
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

let lastId = 0;
/** An id for aria-describedby and label[for], unique on the page. */
const newId = () => `llmlab-${Math.random().toString(36).slice(2, 8)}-${++lastId}`;

/** Replaces the children of `node`, and gives the focus back to the element with the same data-key. */
function replaceKeepingFocus(node, ...children) {
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const { scrollLeft, scrollTop } = node;
  node.replaceChildren(...children);
  Object.assign(node, { scrollLeft, scrollTop });
  if (key === undefined) return;
  [...node.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key)?.focus({ preventScroll: true });
}

/** A link opens elsewhere, and only ever leads to a web page. */
function link(href, ...children) {
  return /^https?:\/\//.test(href) ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, children) : children;
}

const badge = ({ text, title, tone }) => h("span", { class: `badge ${tone ?? ""}`, title }, text);

/** A cell is a plain string, or { text, title, badges, href, muted }. */
function cellContent(cell) {
  if (typeof cell === "string") return [cell];
  const text = cell.title ? h("span", { title: cell.title, class: "why" }, cell.text) : cell.text;
  return [cell.href ? link(cell.href, text) : text, ...(cell.badges ?? []).map(badge)];
}

/** "Show more" under a view that holds back rows. */
function moreButton(shown, total, ask) {
  if (!total || total <= shown) return "";
  const label = `Show more (${shown.toLocaleString("en-US")} of ${total.toLocaleString("en-US")})`;
  return h("button", { type: "button", class: "quiet", "data-key": "more", onclick: () => ask({ kind: "more" }) }, label);
}

/** Copies, where the browser lets us; elsewhere shows the text selected, to copy by hand. */
async function copyText(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "by-hand", "aria-label": "Text to copy", readonly: true, rows: 4 });
    area.value = text;
    area.addEventListener("blur", () => area.remove());
    beside.append(area);
    area.select();
    return false;
  }
}
