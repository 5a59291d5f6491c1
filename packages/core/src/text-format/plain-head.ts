import type { Buffer } from "node:buffer";
import type { SeriesDictionary } from "../series/dictionary.ts";
import type { Label, Series } from "../series/series.ts";
import { isNameByte, type PageReader } from "./page-reader.ts";

/** More labels than this are forgotten and begun anew. */
const keptLabels = 10_000;

/** In bytes; how far a regular expression goes back is limited. */
const longestLine = 64 * 1024;

/** ASCII, and no escape. */
const plainHead =
  /[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n\x80-\xff]*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n\x80-\xff]*")*\})?/y;
const plainLabels = /[a-zA-Z_][a-zA-Z0-9_]*="[^"]*"/g;

/**
 * What most lines begin with: `name{a="b",c="d"}`, ASCII without blanks and escapes, which every grammar reads alike.
 * Read by regular expressions, which are fast from the first line on: the loops over bytes that judge every other form
 * need a thousand lines to be compiled, and compiling takes longer than the page (measured).
 */
export class PlainHead {
  name = "";
  /** All of it, as `internPlain` of a dictionary wants it; undefined where labels have another order or are empty. */
  text: string | undefined;
  /** In order of appearance, each name once; not to be changed. */
  labels: Label[] = [];
  /** Offset behind the name or the closing brace. */
  end = 0;
  readonly #known = new Map<string, Label>();
  readonly #names = new Map<string, string>();

  /** Whether the line that begins here begins so, and within the limits; if not, it may be valid all the same. */
  read(reader: PageReader): boolean {
    const { bytes, at, limits } = reader;
    if (!isNameByte(bytes[at]!, true, false)) return false;
    const lineEnd = reader.lineEnd();
    if (lineEnd - at > Math.min(longestLine, limits.maxLineBytes)) return false;
    const line = bytes.toString("latin1", at, lineEnd);
    plainHead.lastIndex = 0;
    plainHead.test(line);
    const length = plainHead.lastIndex;
    const brace = line.indexOf("{");
    const nameLength = brace < 0 || brace >= length ? length : brace;
    if (nameLength > limits.maxNameBytes) return false;
    this.end = at + length;
    this.labels = [];
    // Here and below strings of their own: a piece of the line would keep all of it.
    if (nameLength !== this.name.length || !line.startsWith(this.name))
      this.name = bytes.toString("latin1", at, at + nameLength);
    this.text = bytes.toString("latin1", at, at + length);
    return nameLength === length || this.#readLabels(reader, line.slice(nameLength, length), nameLength + 1);
  }

  /** The series under this name, which is the head's own or an equal string. */
  intern(dictionary: SeriesDictionary, name: string): Series {
    const { text, labels } = this;
    return text === undefined || dictionary.internPlain === undefined
      ? dictionary.intern(name, labels)
      : dictionary.internPlain(text, name, labels);
  }

  /** @param start Of the first label, in the line. */
  #readLabels({ bytes, at, limits }: PageReader, braces: string, start: number): boolean {
    const texts = braces.match(plainLabels)!;
    if (texts.length > limits.maxLabels) return false;
    let from = at + start;
    let last = "";
    for (const text of texts) {
      const to = from + text.length;
      const label = this.#known.get(text) ?? this.#remember(bytes, from, to, text.indexOf("="));
      const { name } = label;
      if (name === "__name__" || name.length > limits.maxNameBytes) return false;
      if (label.value === "") this.text = undefined;
      if (name > last) last = name;
      else {
        for (const other of this.labels) if (other.name === name) return false;
        this.text = undefined;
      }
      this.labels.push(label);
      from = to + 1;
    }
    return true;
  }

  #remember(bytes: Buffer, from: number, to: number, nameLength: number): Label {
    if (this.#known.size >= keptLabels) {
      this.#known.clear();
      this.#names.clear();
    }
    const text = bytes.toString("latin1", from, to);
    const name = text.slice(0, nameLength);
    const value = bytes.toString("latin1", from + nameLength + 2, to - 1);
    const label = { name: this.#names.get(name) ?? name, value };
    this.#names.set(label.name, label.name);
    this.#known.set(text, label);
    return label;
  }
}
