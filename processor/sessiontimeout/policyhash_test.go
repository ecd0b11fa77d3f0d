package sessiontimeout

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// decidesNothing are the keys that change no verdict.
var decidesNothing = []string{
	"SessionID.HashKey", "Policies.Severity", "Findings.Per", "Findings.UpdateInterval", "Mark", "MaxServices",
	"Storage", "Durability", "CheckpointInterval",
}

// TestPolicyHash: each key of the configuration changes the hash, but for those that
// decide no verdict.
func TestPolicyHash(t *testing.T) {
	full := func() *Config {
		c := createDefaultConfig().(*Config)
		fill(reflect.ValueOf(c).Elem())
		return c
	}
	before := full().policyHash()
	require.Regexp(t, `^[0-9a-f]{12}$`, before)
	require.Equal(t, before, full().policyHash(), "it is the same for the same")
	var silent []string
	for _, leaf := range leaves(reflect.ValueOf(full()).Elem(), "", nil) {
		c := full()
		change(leaf.in(reflect.ValueOf(c).Elem()))
		if c.policyHash() == before {
			silent = append(silent, leaf.name)
		}
	}
	require.ElementsMatch(t, decidesNothing, silent)
}

// fill gives every list of v one element, so that all that there is can be changed.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{"a": {"b"}}))
	}
}

// leaf is a value in a Config: its name, and the fields and elements that lead to it.
type leaf struct {
	name string
	path []int
}

func (l leaf) in(v reflect.Value) reflect.Value {
	for _, i := range l.path {
		if v.Kind() == reflect.Slice {
			v = v.Index(i)
		} else {
			v = v.Field(i)
		}
	}
	return v
}

func leaves(v reflect.Value, name string, path []int) (all []leaf) {
	at := append(slices.Clone(path), 0)
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			at[len(path)] = i
			field := v.Type().Field(i).Name
			if name != "" {
				field = name + "." + field
			}
			all = append(all, leaves(v.Field(i), field, slices.Clone(at))...)
		}
		return all
	case v.Kind() == reflect.Slice:
		return leaves(v.Index(0), name, at)
	}
	return []leaf{{name, path}}
}

// change makes v another value.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8:
		v.SetUint(v.Uint() + 1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{"a": {"c"}}))
	case reflect.Pointer: // none so far
		v.Set(reflect.New(v.Type().Elem()))
		if id, is := reflect.TypeAssert[*component.ID](v); is {
			*id = component.MustNewID("other")
		}
	default:
		panic(v.Kind().String())
	}
}

// gauges are the points of a gauge of seconds, as [rig.counts] has those of counters.
func (r *rig) gauges(name string) map[string]float64 {
	r.t.Helper()
	all := map[string]float64{}
	metric, err := r.telemetry.GetMetric("otelcol_processor_session_timeout_" + name)
	if err != nil {
		return all
	}
	for _, p := range metric.Data.(metricdata.Gauge[float64]).DataPoints {
		var key []string
		for _, kv := range p.Attributes.ToSlice() {
			if kv.Key != "processor" {
				key = append(key, kv.Value.String())
			}
		}
		all[strings.Join(key, " ")] = p.Value
	}
	return all
}

// TestPoliciesAsMetrics: what is configured is a metric, from the start on, without
// limits that are none, so that it can be held against what services do.
func TestPoliciesAsMetrics(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Policies = append(c.Policies, c.Policies[0])
		c.Policies[0].Name, c.Policies[0].Match = "p", map[string][]string{"service.name": {"x"}}
		c.Policies[0].IdleTimeout, c.Policies[0].AbsoluteTimeout, c.Policies[0].Tolerance = 0, 90*time.Second, 0
		c.Policies[0].EndGrace = 0
	})
	in := r.traces()
	start(t, in)
	require.Equal(t, map[string]float64{
		"absolute_timeout p": 90, "rotation_grace p": 30,
		"idle_timeout default": 1800, "end_grace default": 5, "rotation_grace default": 30, "tolerance default": 2,
	}, r.gauges("policy_limit"))
	require.Equal(t, map[string]int64{r.cfg.(*Config).policyHash(): 1}, r.counts("policy_info"))
	shutdown(t, in)
}

// TestNoEmptyPolicy: a session that no policy governed has no lifetime.
func TestNoEmptyPolicy(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Policies[0].Match = map[string][]string{"service.name": {"another"}}
		c.DecisionWait, c.IdleDecisionWait = 0, 0
	})
	in, logs := r.traces(), r.logs()
	start(t, in, logs)
	require.NoError(t, in.ConsumeTraces(context.Background(), requestSpan("s1", time.Now())))
	require.NoError(t, logs.ConsumeLogs(context.Background(), endRecord("s1", time.Now())))
	require.Equal(t, map[string]int64{"request": 1, "ended": 1}, r.counts("facts"))
	require.Zero(t, r.measured("session_lifetime"))
	require.Empty(t, r.counts("requests"))
	shutdown(t, in, logs)
	require.Zero(t, r.measured("session_lifetime"))
}

// TestNotUnderstood: a log record that is neither an event nor of an access log is
// counted for its service.
func TestNotUnderstood(t *testing.T) {
	r := newRig(t)
	logs := r.logs()
	start(t, logs)
	require.NoError(t, logs.ConsumeLogs(context.Background(), eventRecord("who.knows", "s1", time.Now())))
	require.Equal(t, map[string]int64{"log_not_understood auth": 1}, r.counts("records"))
	shutdown(t, logs)
}
