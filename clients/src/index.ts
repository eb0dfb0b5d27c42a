/**
 * A client of prejoin's query API, and the words of its searches.
 *
 * Promises: one request for each question; what the server refuses is thrown with its own words. Never caches rows.
 */

/** A value that a field is compared with. */
export type Scalar = string | number | boolean;

/** What holds for a field. Operators side by side all hold. */
export interface Operators {
  eq?: Scalar;
  ne?: Scalar;
  in?: readonly Scalar[];
  nin?: readonly Scalar[];
  lt?: Scalar;
  lte?: Scalar;
  gt?: Scalar;
  gte?: Scalar;
  between?: readonly [Scalar, Scalar];
  contains?: string;
  icontains?: string;
  starts_with?: string;
  match?: string;
  phrase?: string;
  exists?: boolean;
  /** One and the same element of a list is like this. */
  some?: Filter;
  none?: Filter;
  every?: Filter;
  count?: CountOf;
}

/** How many elements of a list there are. */
export interface CountOf {
  eq?: number;
  ne?: number;
  lt?: number;
  lte?: number;
  gt?: number;
  gte?: number;
  where?: Filter;
}

/** Which documents, or which elements of a list. Members side by side all hold. */
export interface Filter {
  and?: readonly Filter[];
  or?: readonly Filter[];
  not?: Filter;
  [field: string]: Operators | Filter | readonly Filter[] | undefined;
}

/** A key of the order. */
export interface Sort {
  field: string;
  order?: "asc" | "desc";
  /** Which of the values of a list's elements stands for the document. */
  agg?: "max" | "min";
  where?: Filter;
}

/** A search, as the body of `POST /v1/{index}/search` has it. */
export interface Search {
  filter?: Filter;
  sort?: readonly Sort[];
  page?: { size?: number; number?: number; after?: string; snapshot?: boolean };
  fields?: readonly string[];
  count?: "exact" | "capped" | "none";
  q?: { text: string; fields?: readonly string[]; mode?: "all" | "any" | "phrase" };
  highlight?: boolean | readonly string[];
  facets?: Readonly<Record<string, unknown>>;
  facet_filters?: Readonly<Record<string, Operators>>;
  aggregate?: Readonly<Record<string, unknown>>;
  view?: string;
}

/** A document, with the `id` by which it is found. */
export interface Row {
  id: string | number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- documents are what the index holds
  [field: string]: any;
}

/** The answer to a search. */
export interface Answer {
  data: Row[];
  page: { size: number; number?: number; next: string | null; has_next: boolean };
  total?: { value: number; relation: "eq" | "gte" };
  facets?: Record<string, unknown>;
  aggregates?: Record<string, unknown>;
  highlights?: Record<string, Record<string, string[]>>;
  meta: Record<string, unknown>;
}

/** A problem that the server has told (RFC 9457), or a request that no words are there for. */
export class PrejoinError extends Error {
  /** As Refine calls it. */
  readonly statusCode: number;

  constructor(
    message: string,
    /** The HTTP status; 0 when nothing was sent. */
    readonly status: number,
    /** The word for programs, such as `unknown_field`. */
    readonly code: string,
    /** The problem as it was sent. */
    readonly body?: unknown,
  ) {
    super(message);
    this.name = "PrejoinError";
    this.statusCode = status;
  }
}

export interface Options {
  /** Headers of each request, such as `Authorization`; asked for each time, since a token may end. */
  headers?: () => HeadersInit | Promise<HeadersInit>;
  /** What sends requests; the `fetch` of the platform when absent. */
  fetch?: typeof fetch;
}

/** Rows of a page that are asked for at a time when documents are named by their ids. */
const MOST_IDS = 200;
/** Rows that pages by number reach. */
export const WINDOW = 10_000;
/** Deep pages whose beginning is remembered. */
const MOST_PLACES = 1_000;

export class Client {
  readonly #url: string;
  readonly #options: Options;
  /** Cursors of deep pages, by search and number. */
  readonly #places = new Map<string, string>();

  /** `url` is where prejoin listens, such as `https://search.example.org`. */
  constructor(url: string, options: Options = {}) {
    this.#url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** The page of a search. */
  async search(index: string, search: Search, signal?: AbortSignal): Promise<Answer> {
    const path = `/v1/${encodeURIComponent(index)}/search`;
    const answer = (await this.#ask(path, search, signal)) as Answer;
    return { ...answer, data: answer.data.map(withId) };
  }

  /**
   * The page of that number, from 1. Beyond the rows that numbers reach, a page is found by the cursor of the one before it,
   * which has to have been asked for.
   */
  async page(
    index: string,
    search: Search,
    { number, size }: { number: number; size: number },
    signal?: AbortSignal,
  ): Promise<Answer> {
    const place = (number: number) => JSON.stringify([index, search, size, number]);
    const after = this.#places.get(place(number));
    const beyond = number * size > WINDOW;
    if (beyond && after === undefined) {
      const what = `pages by number reach the first ${WINDOW} rows; go on page by page from there, or narrow the filter`;
      throw new PrejoinError(what, 0, "limit_exceeded");
    }
    const page = beyond && after !== undefined ? { size, after } : { size, number };
    const answer = await this.search(index, { ...search, page: { ...search.page, ...page } }, signal);
    if ((number + 1) * size > WINDOW && answer.page.next !== null) {
      this.#remember(place(number + 1), answer.page.next);
    }
    return answer;
  }

  /** One document. */
  async one(index: string, id: string | number, fields?: readonly string[], signal?: AbortSignal): Promise<Row> {
    const asked = fields === undefined ? "" : `?${new URLSearchParams({ fields: fields.join(",") })}`;
    const path = `/v1/${encodeURIComponent(index)}/${encodeURIComponent(id)}${asked}`;
    const answer = (await this.#ask(path, undefined, signal)) as { data: RawRow };
    return withId(answer.data);
  }

  /** The documents of these ids that there are, in one request for each 200. */
  async many(
    index: string,
    ids: readonly (string | number)[],
    search: Search = {},
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const wanted = [...new Set(ids.map(String))];
    const rows: Row[] = [];
    for (let from = 0; from < wanted.length; from += MOST_IDS) {
      const some = wanted.slice(from, from + MOST_IDS);
      const filter = all([{ _id: { in: some } }, search.filter]);
      const page = { size: some.length };
      const answer = await this.search(index, { ...search, filter, page, count: "none" }, signal);
      rows.push(...answer.data);
    }
    return rows;
  }

  #remember(place: string, cursor: string): void {
    this.#places.delete(place);
    this.#places.set(place, cursor);
    const oldest = this.#places.keys().next();
    if (this.#places.size > MOST_PLACES && !oldest.done) this.#places.delete(oldest.value);
  }

  async #ask(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const send = this.#options.fetch ?? fetch;
    const headers = new Headers(await this.#options.headers?.());
    headers.set("Accept", "application/json");
    const request: RequestInit = { headers };
    if (body !== undefined) {
      headers.set("Content-Type", "application/json");
      request.method = "POST";
      request.body = JSON.stringify(body);
    }
    if (signal !== undefined) request.signal = signal;
    const response = await send(`${this.#url}${path}`, request);
    const told = await response.json().catch(() => undefined);
    if (response.ok && told !== undefined) return told;
    throw refused(response.status, told);
  }
}

function refused(status: number, told: unknown): PrejoinError {
  const problem = (typeof told === "object" && told !== null ? told : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof problem[name] === "string" ? problem[name] : undefined);
  const [message, detail] = [text("message") ?? `the server answered ${status}`, text("detail")];
  const whole = detail === undefined ? message : `${message}: ${detail}`;
  return new PrejoinError(whole, status, text("code") ?? "unknown", told);
}

type RawRow = Record<string, unknown> & { _id: string };

/** A document's own `id` stays what it is, a number perhaps, where it is the one that it is found by. */
function withId(row: RawRow | Row): Row {
  const { _id, id, ...rest } = row as RawRow & { id?: unknown };
  const own = (typeof id === "number" || typeof id === "string") && String(id) === _id;
  return { id: own ? (id as string | number) : _id, ...rest };
}

/** One filter of all of these that are there. */
export function all(filters: readonly (Filter | undefined)[]): Filter {
  const there = filters.filter((filter) => filter !== undefined && Object.keys(filter).length > 0) as Filter[];
  return there.length === 1 ? there[0]! : there.length === 0 ? {} : { and: there };
}
