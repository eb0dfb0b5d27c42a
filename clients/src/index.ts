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
  /** Do an index's documents have an `id` of their own, which rows are ordered and compared by? They do when absent. */
  ownId?: boolean | ((index: string) => boolean);
  /** Most rows of a page: the server's `api.limits.page_size`. 200 when absent. */
  pageSize?: number;
  /** Rows that pages by number reach: the server's `api.limits.offset_window`. 10,000 when absent. */
  window?: number;
}

/** Refusals of a cursor that will never be taken again. */
const GONE = new Set(["cursor_expired", "cursor_mismatch", "invalid_cursor"]);
/** Deep pages whose beginning is remembered. */
const MOST_PLACES = 1_000;

export class Client {
  readonly url: string;
  readonly pageSize: number;
  readonly window: number;
  readonly #options: Options;
  /** Cursors of deep pages, by search and number. */
  readonly #places = new Map<string, string>();

  /** `url` is where prejoin listens, such as `https://search.example.org`. */
  constructor(url: string, options: Options = {}) {
    this.url = url.replace(/\/+$/, "");
    this.pageSize = options.pageSize ?? 200;
    this.window = options.window ?? 10_000;
    this.#options = options;
  }

  /** The client of that URL, or the one that is given. */
  static of(server: string | Client, options: Options): Client {
    return typeof server === "string" ? new Client(server, options) : server;
  }

  /** Do this index's documents have an `id` of their own? */
  ownId(index: string): boolean {
    const { ownId = true } = this.#options;
    return typeof ownId === "function" ? ownId(index) : ownId;
  }

  /** Forgets where deep pages begin: say, when somebody else logs in. */
  forget(): void {
    this.#places.clear();
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
    const places = JSON.stringify([index, search, size]);
    const last = Math.floor(this.window / size);
    const after = number > last ? this.#places.get(`${places}${number}`) : undefined;
    if (number > last && after === undefined) {
      const what = `pages by number reach the first ${this.window} rows; go on page by page from there, or narrow the filter`;
      throw new PrejoinError(what, 0, "limit_exceeded");
    }
    const page = after === undefined ? { size, number } : { size, after };
    const asking = this.search(index, { ...search, page: { ...search.page, ...page } }, signal);
    const answer = await (after === undefined ? asking : asking.catch((error: unknown) => this.#lost(places, last, error)));
    if (number >= last && answer.page.next !== null) this.#remember(`${places}${number + 1}`, answer.page.next);
    return answer;
  }

  /** One document, as a view shows it, and only if a filter lets it through, where these are given. */
  async one(
    index: string,
    id: string | number,
    search: Pick<Search, "fields" | "view" | "filter"> = {},
    signal?: AbortSignal,
  ): Promise<Row> {
    if (search.view !== undefined || search.filter !== undefined) {
      const [row] = await this.many(index, [id], search, signal);
      if (row === undefined) throw new PrejoinError(`there is no such document: ${id}`, 404, "unknown_document");
      return row;
    }
    const fields = search.fields === undefined ? "" : `?${new URLSearchParams({ fields: search.fields.join(",") })}`;
    const path = `/v1/${encodeURIComponent(index)}/${encodeURIComponent(id)}${fields}`;
    const answer = (await this.#ask(path, undefined, signal)) as { data: RawRow };
    return withId(answer.data);
  }

  /** The documents of these ids that there are, in one request for each page of them. */
  async many(
    index: string,
    ids: readonly (string | number)[],
    search: Search = {},
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const wanted = [...new Set(ids.map(String))];
    const rows: Row[] = [];
    for (let from = 0; from < wanted.length; from += this.pageSize) {
      const some = wanted.slice(from, from + this.pageSize);
      const filter = all([{ _id: { in: some } }, search.filter]);
      const page = { size: some.length };
      const answer = await this.search(index, { ...search, filter, page, count: "none" }, signal);
      rows.push(...answer.data);
    }
    return rows;
  }

  /** A search whose cursor is gone has to be begun again, from the last page that has a number. */
  #lost(places: string, last: number, error: unknown): never {
    if (!(error instanceof PrejoinError) || !GONE.has(error.code)) throw error;
    for (const place of this.#places.keys()) if (place.startsWith(places)) this.#places.delete(place);
    throw new PrejoinError(`go back to page ${last} and on from there: ${error.message}`, error.status, error.code, error.body);
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
    const response = await send(`${this.url}${path}`, request);
    const told = parsed(await response.text());
    if (response.ok && told !== undefined) return told;
    throw refused(response.status, told);
  }
}

/** What JSON says; nothing, if it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
