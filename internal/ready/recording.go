package ready

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoPipeline says that a configuration judges nothing.
var ErrNoPipeline = errors.New("service::pipelines: must have a pipeline with a session_timeout processor (got none)")

// Recording returns the configuration of a collector that judges files instead of
// what its own receivers would bring, with the processors that it has, and sends
// nothing anywhere. Files of the names *.json and *.jsonl hold OTLP in JSON lines;
// others go where the configuration reads files, or are read line by line. It shows
// metrics on the address.
func Recording(conf map[string]any, files []string, host string, port int) (map[string]any, error) {
	var lines, raw []any
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		if ext := filepath.Ext(file); ext == ".json" || ext == ".jsonl" {
			lines = append(lines, path)
		} else {
			raw = append(raw, path)
		}
	}
	r := recording{lines: lines, raw: raw, conf: conf, receivers: map[string]any{"nop": nil}, processors: map[string]any{}}
	pipelines := map[string]any{}
	all := section(section(conf, "service"), "pipelines")
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p, _ := all[id].(map[string]any)
		kind := typeOf(id)
		if kind != "traces" && kind != "logs" || !slices.ContainsFunc(texts(p["processors"]), isOurs) {
			continue
		}
		pipelines[id] = map[string]any{"receivers": r.sources(kind, texts(p["receivers"])), "processors": r.stages(texts(p["processors"])), "exporters": []any{"nop"}}
	}
	if len(pipelines) == 0 {
		return nil, ErrNoPipeline
	}
	reader := map[string]any{"pull": map[string]any{"exporter": map[string]any{"prometheus": map[string]any{"host": host, "port": port}}}}
	return map[string]any{
		"receivers": r.receivers, "processors": r.processors, "exporters": map[string]any{"nop": nil},
		"service": map[string]any{"pipelines": pipelines, "telemetry": map[string]any{
			"logs": map[string]any{"level": "error"}, "metrics": map[string]any{"level": "normal", "readers": []any{reader}},
		}},
	}, nil
}

type recording struct {
	lines, raw                  []any
	conf, receivers, processors map[string]any
}

// sources are receivers of the files in place of those that a pipeline has.
func (r *recording) sources(kind string, ids []string) (names []any) {
	if len(r.lines) > 0 {
		name := "otlp_json_file/ready"
		r.receivers[name] = map[string]any{"include": r.lines, "start_at": "beginning", "include_file_name": false, "max_log_size": "64MiB"}
		names = append(names, name)
	}
	if kind != "logs" || len(r.raw) == 0 {
		return orNop(names)
	}
	read := false
	for _, id := range ids {
		if k := typeOf(id); k == "file_log" || k == "filelog" {
			settings := maps.Clone(section(section(r.conf, "receivers"), id))
			settings["include"], settings["start_at"], settings["include_file_name"] = r.raw, "beginning", false
			delete(settings, "storage")
			delete(settings, "exclude")
			r.receivers[id] = settings
			names, read = append(names, id), true
		}
	}
	if !read {
		r.receivers["file_log/ready"] = map[string]any{"include": r.raw, "start_at": "beginning", "include_file_name": false}
		names = append(names, "file_log/ready")
	}
	return names
}

func orNop(names []any) []any {
	if len(names) == 0 {
		return []any{"nop"}
	}
	return names
}

// stages are the processors of a pipeline. A recording is old, is read at once, and
// leaves nothing behind.
func (r *recording) stages(ids []string) (names []any) {
	for _, id := range ids {
		settings := maps.Clone(section(section(r.conf, "processors"), id))
		if isOurs(id) {
			settings["max_age"], settings["reorder_window"] = 0, longest(settings["retention"])
			settings["decision_wait"], settings["idle_decision_wait"] = "1s", "1s"
			for _, key := range []string{"storage", "durability", "checkpoint_interval", "downtime"} {
				delete(settings, key)
			}
		}
		r.processors[id] = settings
		names = append(names, id)
	}
	return names
}

// longest is how far apart the files of a recording may lie.
func longest(retention any) any {
	if retention == nil {
		return "24h"
	}
	return retention
}

func isOurs(id string) bool { return typeOf(id) == "session_timeout" }

func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return strings.TrimSpace(kind)
}

func texts(list any) (all []string) {
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// section is the map under a key, an empty one where there is none.
func section(conf map[string]any, key string) map[string]any {
	if found, ok := conf[key].(map[string]any); ok {
		return found
	}
	return map[string]any{}
}
