// What the API says, as far as the page reads it. internal/console has the whole.

export interface Finding {
  id: string; sequence: number; engine: string; revision: number; type: string; state: string; reason?: string;
  severity: string; policy: string; limit: number; tolerance: number; service: string; instance?: string; environment?: string;
  namespace?: string; session: string; user?: string; trace_id?: string; at: string; expired_at: string; overrun: number;
  requests: number; first_at: string; last_at: string; started_at: string; start_known: boolean; last_activity_at?: string;
  ended_by?: string; evidence: string; background?: boolean; method?: string; route?: string; status?: number;
  decided_at: string; sentence: string; headline: string; replay?: boolean;
}

export interface Request {
  start: string; end: string; judged?: string; service: string; instance?: string; method?: string; route?: string;
  status?: number; trace_id?: string; kind: string; inactive?: boolean;
}

// From is empty where it is all the time before.
export interface Span { from: string; to: string; reason?: string }
export interface Event { at: string; kind: string; by?: string; other?: string }

export interface Timeline {
  requests: Request[]; events: Event[]; spells: Span[]; blind: Span[]; not_held: Span[]; clock_from: string;
}

export interface Detail extends Finding {
  timeline?: Timeline; no_timeline?: string; why: { at: string; text: string; kind: string }[]; clears: string; doubt?: string;
  in_common: { what: string; value: string; late: number; all: number; late_of: number; all_of: number }[];
  links: { name: string; url: string }[]; next?: string; position?: number; of?: number;
}

export interface Engine {
  id: string; running: boolean; replay?: boolean; stored: boolean; key_id: string; sources: string[];
  sessions: number; max_sessions: number; pending: number; backlog: number;
}

export interface State {
  version: string; at: string; started: string; since: string; sentence: string; detail?: string; mood: string; demo?: boolean;
  engines: Engine[]; history: { held: number; limit: number; ever: number }; not_watched: string[]; ready: Readiness[]; blind: string[]; lost: string[];
}

export interface Readiness {
  group: 'nothing' | 'false' | 'fewer'; title: string; more?: number;
  advice: { engine: string; code: string; service?: string; sentence: string }[];
}

export interface Service {
  engine: string; replay?: boolean; policy: string; service: string; in_time: number; late: number; refused: number;
  refused_early: number; indeterminate: number; violations: Record<string, number>;
  enforcement?: { rate: number; low: number; high: number; n: number };
  idle_timeout: number; absolute_timeout: number; longest_served: number; shortest_refused: number; with_id: number; without_id: number;
}

export interface Policy { engine: string; replay?: boolean; name: string; sentences: string[] }

// get asks the API. What it throws has a `status` where the server answered.
export async function get<T>(path: string): Promise<T> {
  const response = await fetch('api/v1/' + path);
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
  return body;
}
