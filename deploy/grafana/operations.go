package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const byProcessor = `processor=~"$processor"`

// operations is for whoever runs the collector: does it see, decide, keep and deliver?
func operations() (dashboard.Dashboard, error) {
	d := begin(operationsUID, "Session timeout: operations",
		"Whether the collector sees enough, decides, keeps what it knows, and whether what it finds arrives.",
		to("Sessions: enforcement", enforcementUID),
		datasource, values("processor", "processor", gauge("sessions", "")),
	)
	for _, s := range []section{
		row("What is seen", false,
			lines(panel{
				title: "Facts", unit: "ops", none: "nothing came", description: "What records say about sessions, by kind. None at all: SessionTelemetryMissing. No ended or authenticated where people log out and in: the events are not sent, or have other names.",
				queries: []query{{rate("kind", counter("facts", byProcessor)), "{{kind}}"}},
			}),
			lines(panel{
				title: "Records", unit: "ops", none: "nothing came", description: "Spans and log records by how much of them can be judged. Much log_not_understood: those logs are neither events nor of an access log, and need not come here. Much request_without_id: SessionCoverageLow.",
				queries: []query{{rate("seen", counter("records", byProcessor)), "{{seen}}"}},
			}),
			lines(panel{
				title: "Refused as evidence", unit: "ops", none: "none", description: "Impossible times, ids that are none. By reason and service: look at its clock, or at the source of its ids (SessionEvidenceRefused).",
				queries: []query{{rate("reason, service_name", counter("facts_refused", byProcessor)), "{{reason}} of {{service_name}}"}},
			}),
			lines(panel{
				title: "Later than reorder_window", unit: "ops", none: "none", description: "These make no new finding from the past. Look for a queue in front that is long, or raise reorder_window (SessionEvidenceLate).",
				queries: []query{{rate("service_name", counter("facts_late", byProcessor)), "{{service_name}}"}},
			}),
			lines(panel{
				title: "Blind", unit: "s", none: "never", description: "Seconds, of each interval, whose facts may be lost for good. Look for crashes, and at durability (SessionCollectorBlind).",
				queries: []query{{`sum by (reason) (increase(` + named("processor_session_timeout_blind", "(_seconds(_total)?)?", byProcessor) + `[$__rate_interval]))`, "{{reason}}"}},
			}),
		),
		row("What is held", false,
			lines(panel{
				title: "Sessions", unit: "short", none: "no processor", description: "Held, and how many may be. Near the limit, raise max_sessions, or find out who invents ids (SessionTableNearlyFull).",
				queries: []query{{`sum by (processor) (` + gauge("sessions", byProcessor) + `)`, "{{processor}}"}, {`sum by (processor) (` + gauge("sessions_limit", byProcessor) + `)`, "{{processor}} limit"}},
			}),
			lines(panel{
				title: "Evictions", unit: "ops", none: "none", description: "retention is what was silent for that long. max_sessions is a session that gave way: what is found of it later may be inconclusive (SessionsEvicted).",
				queries: []query{{rate("reason", counter("sessions_evicted", byProcessor)), "{{reason}}"}},
			}),
			lines(panel{
				title: "Evidence lost", unit: "ops", none: "none", description: "What was given up to stay within bounds. unreachable: raise max_recent_requests. The others are single sessions with too many events: docs/limits.md says what each costs.",
				queries: []query{{rate("reason", counter("evidence_lost", byProcessor)), "{{reason}}"}},
			}),
			lines(panel{
				title: "Backlog", unit: "short", none: "no processor", description: "Sessions and users that have yet to be judged once more by what came late. What only grows is more than the processor can do: give it cores.",
				queries: []query{{`sum by (processor) (` + gauge("backlog", byProcessor) + `)`, "{{processor}}"}},
			}),
			heat(panel{
				title: "Lifetimes of sessions", unit: "s", none: "none ended yet", description: "From the first fact to the last, when a session ends or is forgotten. Nothing to do: it tells what users do, and whether limits are near it.",
				queries: []query{{increase("le", bucket("session_lifetime", byProcessor)), "{{le}}"}},
			}),
		),
		row("What is found", false,
			bars(panel{
				title: "Findings", unit: "short", none: "none", description: "By state. Many retracted: decision_wait is too short for what comes late. Many inconclusive: SessionVerdictsInconclusive.",
				queries: []query{{increase("state", counter("findings", byProcessor)), "{{state}}"}},
			}),
			lines(panel{
				title: "Suspicions that wait", unit: "short", none: "no processor", description: "They are decided when decision_wait, or idle_decision_wait, is over. A step is an incident that begins.",
				queries: []query{{`sum by (processor) (` + gauge("findings_pending", byProcessor) + `)`, "{{processor}}"}},
			}),
			lines(panel{
				title: "Findings on their way", unit: "short", none: "no processor", description: "Decided, and not taken yet by the next component, or not known to a checkpoint. At 10,000 the oldest are lost: look at what the logs pipeline exports to.",
				queries: []query{{`sum by (processor) (` + gauge("findings_waiting", byProcessor) + `)`, "{{processor}}"}},
			}),
			bars(panel{
				title: "Findings that were lost", unit: "short", none: "none", description: "There is no logs pipeline, its next component refuses them, or they waited too long (SessionFindingsUndelivered).",
				queries: []query{{increase("processor", counter("findings_undelivered", byProcessor)), "{{processor}}"}},
			}),
		),
		row("Alerts", true,
			lines(panel{
				title: "Active alerts", unit: "short", none: "no alerts exporter", description: "Renewed at present, and how many may be. At the limit further ones are dropped: raise max_alerts.",
				queries: []query{{`sum by (exporter) (otelcol_exporter_alerts_active)`, "{{exporter}}"}, {`sum by (exporter) (otelcol_exporter_alerts_limit)`, "{{exporter}} limit"}},
			}),
			lines(panel{
				title: "Requests to Alertmanager", unit: "reqps", none: "no alerts exporter", description: "By result. failed: no answer; unavailable: 5xx; rejected: its log says why (SessionAlertsNotDelivered).",
				queries: []query{{rate("endpoint, result", exporter("sends", "")), "{{endpoint}} {{result}}"}},
			}),
			bars(panel{
				title: "Alerts dropped", unit: "short", none: "none", description: "By reason. limit: raise max_alerts; expired or shutdown: Alertmanager was away for too long (SessionAlertsDropped).",
				queries: []query{{increase("reason", exporter("dropped", "")), "{{reason}}"}},
			}),
			lines(panel{
				title: "Queue", unit: "short", none: "no queue", description: "What exporters hold back, beside what they may. A full queue refuses: the backend is too slow, or away.",
				queries: []query{{`sum by (exporter) (otelcol_exporter_queue_size)`, "{{exporter}}"}, {`sum by (exporter) (otelcol_exporter_queue_capacity)`, "{{exporter}} capacity"}},
			}),
		),
		row("What is kept", true,
			lines(panel{
				title: "Age of the last checkpoint", unit: "s", none: "no storage", description: "What a crash would cost, without durability: acknowledged. Beyond six intervals the storage fails (SessionStateNotStored).",
				queries: []query{{`max by (processor) (` + secondsGauge("checkpoint_age", byProcessor) + `)`, "{{processor}}"}},
			}),
			lines(panel{
				title: "Checkpoints", unit: "ops", none: "no storage", description: "By result. failed: the log says why, mostly a full disk.",
				queries: []query{{rate("result", counter("checkpoints", byProcessor)), "{{result}}"}},
			}),
			lines(panel{
				title: "Duration of a checkpoint", unit: "s", none: "no storage", description: "The 99th percentile. Beyond checkpoint_interval each follows upon the other: a faster disk, or fewer sessions.",
				queries: []query{{quantile("0.99", "processor", bucket("checkpoint_duration", byProcessor)), "{{processor}}"}},
			}),
			lines(panel{
				title: "Journal", unit: "bytes", none: "no journal", description: "In the journal and in no checkpoint, at most 4 GiB; then what comes is lost with a crash. It grows while checkpoints fail.",
				queries: []query{{`sum by (processor) (` + named("processor_session_timeout_journal_size", "(_bytes)?", byProcessor) + `)`, "{{processor}}"}},
			}),
			lines(panel{
				title: "Writes to the journal", unit: "ops", none: "no journal", description: "By result. After failed or full the journal is suspended until the next checkpoint.",
				queries: []query{{rate("result", counter("journal_writes", byProcessor)), "{{result}}"}},
			}),
			bars(panel{
				title: "State lost at a start", unit: "short", none: "none", description: "Parts of what was known that could not be restored, by reason. newer_version: a downgrade; other_key: hash_key was changed; corrupt: look at the disk.",
				queries: []query{{`sum by (reason) (` + counter("state_lost", byProcessor) + `)`, "{{reason}}"}},
			}),
		),
		row("What it costs", true,
			lines(panel{
				title: "Memory", unit: "bytes", none: "not reported", description: "Of the collector's process. Keep it below GOMEMLIMIT and the container's limit, or lower max_sessions and max_recent_requests.",
				queries: []query{{`otelcol_process_memory_rss`, "{{instance}} resident"}, {`otelcol_process_runtime_heap_alloc_bytes`, "{{instance}} heap"}},
			}),
			lines(panel{
				title: "Processor time", unit: "percentunit", none: "not reported", description: "Cores in use. Near all that it has, batches wait: add cores, or take log_not_understood out of its pipeline.",
				queries: []query{{`sum by (instance) (rate(` + named("process_cpu_seconds", "(_total)?", "") + `[$__rate_interval]))`, "{{instance}}"}},
			}),
			lines(panel{
				title: "Time per item", unit: "s", none: "metrics level is not detailed", description: "What a span or log record costs in the processor. Some microseconds; more means that much has to be judged once more: look at the backlog.",
				queries: []query{{
					`sum by (processor) (rate(` + named("processor_internal_duration", "(_seconds)?_sum", byProcessor) + `[$__rate_interval]))` +
						"\n/ (sum by (processor) (rate(" + named("processor_incoming_items", "(_total)?", byProcessor) + `[$__rate_interval])) > 0)`, "{{processor}}",
				}},
			}),
			single(panel{
				title: "Configurations", unit: "none", none: "no processor", description: "Different hashes of what decides verdicts. More than one for longer than a rollout: SessionPolicyDiffers.",
				queries: []query{{`count(count by (hash) (` + gauge("policy_info", byProcessor) + `))`, "hashes"}},
			}, steps("green", from(2, "orange"))),
		),
	} {
		s.addTo(d)
	}
	return d.Build()
}

// section is a row of panels, three beside one another.
type section struct {
	title     string
	collapsed bool
	panels    []cog.Builder[dashboard.Panel]
}

func row(title string, collapsed bool, panels ...cog.Builder[dashboard.Panel]) section {
	return section{title, collapsed, panels}
}

// addTo puts the panels where Grafana looks for them: in a row that is collapsed, and
// behind one that is not.
func (s section) addTo(d *dashboard.DashboardBuilder) {
	b := dashboard.NewRowBuilder(s.title).Collapsed(s.collapsed)
	if s.collapsed {
		for _, p := range s.panels {
			b.WithPanel(p)
		}
	}
	d.WithRow(b)
	if !s.collapsed {
		for _, p := range s.panels {
			d.WithPanel(p)
		}
	}
}
