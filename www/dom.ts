// Making and finding elements. Text is always set as text, never parsed as HTML: traces may come from anywhere.

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string | undefined;

/** An element with its attributes and children; `false` and `undefined` leave an attribute out. */
export function make<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  assign(element, attributes);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The same for SVG. */
export function draw<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly Child[]): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  assign(element, attributes);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function assign(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** The element of index.html with this id, which has to be of this class. */
export function byId<Class extends Element>(id: string, kind: new () => Class): Class {
  const element = document.querySelector(`#${id}`);
  if (!(element instanceof kind)) throw new TypeError(`index.html has no ${kind.name} with the id ${id}.`);
  return element;
}

/** Sets text only where it differs, so that live regions speak only when something changed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Offers text as a file to save. */
export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make('a', { href: url, download: name }).click();
  // The browser has taken the address once the click has been handled; a second is ample for that.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
