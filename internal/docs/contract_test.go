package docs

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// contract are the metrics of which dashboards, alerts and checks outside the project
// depend on the name, the type, the unit and the attributes: `@` is the component id.
const contract = `
processor_session_timeout_requests                   counter   {requests}    @ policy service_name verdict
processor_session_timeout_violations                 counter   {requests}    @ policy service_name type
processor_session_timeout_overrun                    histogram s             @ policy type
processor_session_timeout_findings                   counter   {findings}    @ state
processor_session_timeout_findings_pending           gauge     {findings}    @
processor_session_timeout_findings_undelivered       counter   {findings}    @
processor_session_timeout_sessions                   gauge     {sessions}    @
processor_session_timeout_sessions_limit             gauge     {sessions}    @
processor_session_timeout_sessions_evicted           counter   {sessions}    @ reason
processor_session_timeout_session_lifetime           histogram s             @ policy
processor_session_timeout_end_propagation            histogram s             @ service_name
processor_session_timeout_effective_idle_timeout     gauge     s             @ policy service_name bound
processor_session_timeout_effective_absolute_timeout gauge     s             @ policy service_name bound
processor_session_timeout_policy_limit               gauge     s             @ policy limit
processor_session_timeout_policy_info                gauge     {info}        @ hash
processor_session_timeout_blind                      counter   s             @ reason
processor_session_timeout_records                    counter   {records}     @ service_name seen
processor_session_timeout_facts                      counter   {facts}       @ kind
processor_session_timeout_facts_late                 counter   {facts}       @ service_name
processor_session_timeout_facts_refused              counter   {facts}       @ reason service_name
processor_session_timeout_evidence_lost              counter   {items}       @ reason
processor_session_timeout_checkpoints                counter   {checkpoints} @ result
processor_session_timeout_checkpoint_duration        histogram s             @
processor_session_timeout_checkpoint_age             gauge     s             @
processor_session_timeout_journal_writes             counter   {writes}      @ result
processor_session_timeout_state_lost                 counter   {parts}       @ reason
processor_session_timeout_advice                     gauge     {items}       @ advice service_name name
`

// beside are those that are not of the contract. Our own queries need them as they are.
const beside = `
processor_session_timeout_advice_evidence    gauge   {items}    @ advice service_name name part
processor_session_timeout_backlog            gauge   {sessions} @
processor_session_timeout_findings_waiting   gauge   {findings} @
processor_session_timeout_journal_size       gauge   By         @
exporter_alerts_active                       gauge   {alerts}   @
exporter_alerts_dropped                      counter {alerts}   @ reason
exporter_alerts_findings                     counter {findings} @ state
exporter_alerts_findings_invalid             counter {records}  @ reason
exporter_alerts_findings_limit               gauge   {findings} @
exporter_alerts_findings_tracked             gauge   {findings} @
exporter_alerts_limit                        gauge   {alerts}   @
exporter_alerts_saves                        counter {writes}   @ result
exporter_alerts_sends                        counter {requests} @ endpoint result
extension_session_console_dropped            counter {findings} @ reason
extension_session_console_findings           gauge   {findings} @
extension_session_console_findings_displaced counter {findings} @
extension_session_console_streams            gauge   {streams}  @
extension_session_console_streams_refused    counter {streams}  @
`

// contractValues are those that an attribute of the processor's may have, where the
// contract says which.
var contractValues = map[string]string{
	"verdict": "in_time violation rejected_after_expiry rejected_early indeterminate",
	"type":    "idle_timeout absolute_timeout ended rotated revoked",
	"state":   "confirmed retracted inconclusive",
	"bound":   "served_max rejected_min",
	"limit":   "idle_timeout absolute_timeout end_grace rotation_grace tolerance",
	"seen":    "request_with_id request_without_id other_with_id log_not_understood",
	"kind":    "request authenticated started rotated ended ended_user activity",
}

// sumOf is a counter: nothing of ours that is added up falls.
type sumOf struct {
	Monotonic bool `yaml:"monotonic"`
}

// TestContract: metadata.yaml declares the metrics of the contract, as it has them, and
// none that is not listed here.
func TestContract(t *testing.T) {
	var declared, listed []string
	for line := range strings.Lines(contract + beside) {
		if words := strings.Fields(line); len(words) > 0 {
			slices.Sort(words[4:])
			listed = append(listed, strings.Join(words, " "))
		}
	}
	paths, err := filepath.Glob(root + "/*/*/metadata.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	values := map[string]string{}
	for _, path := range paths {
		var metadata struct {
			Status struct {
				Class string `yaml:"class"`
			} `yaml:"status"`
			Attributes map[string]struct {
				Name string   `yaml:"name_override"`
				Enum []string `yaml:"enum"`
			} `yaml:"attributes"`
			Telemetry struct {
				Metrics map[string]struct {
					Enabled    bool     `yaml:"enabled"`
					Unit       string   `yaml:"unit"`
					Sum        *sumOf   `yaml:"sum"`
					Gauge      any      `yaml:"gauge"`
					Histogram  any      `yaml:"histogram"`
					Attributes []string `yaml:"attributes"`
				} `yaml:"metrics"`
			} `yaml:"telemetry"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(read(t, path)), &metadata), path)
		for name, m := range metadata.Telemetry.Metrics {
			require.True(t, m.Enabled, name)
			is := "counter"
			switch {
			case m.Histogram != nil:
				is = "histogram"
			case m.Gauge != nil:
				is = "gauge"
			default:
				require.True(t, m.Sum != nil && m.Sum.Monotonic, name)
			}
			var attributes []string
			for _, a := range m.Attributes {
				if a == metadata.Status.Class {
					continue
				}
				if declared := metadata.Attributes[a].Name; declared != "" {
					a = declared
				}
				attributes = append(attributes, a)
			}
			require.Contains(t, m.Attributes, metadata.Status.Class, name)
			slices.Sort(attributes)
			declared = append(declared, strings.Join(slices.Concat([]string{name, is, m.Unit, "@"}, attributes), " "))
		}
		if metadata.Status.Class == "processor" {
			for a, declared := range metadata.Attributes {
				if _, said := contractValues[a]; said {
					values[a] = strings.Join(declared.Enum, " ")
				}
			}
		}
	}
	require.ElementsMatch(t, listed, declared)
	require.Equal(t, contractValues, values)
}
