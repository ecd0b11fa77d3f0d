package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout"
)

// extendValidate lets `validate` say besides what only a start says otherwise:
// references to extensions that lead nowhere, as errors, and on stderr what a
// start warns of. resolved is the configuration that it has read.
func extendValidate(validate *cobra.Command, factories func() (otelcol.Factories, error), resolved **confmap.Conf) {
	run := validate.RunE
	validate.RunE = func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return err
		}
		known, err := factories()
		if err != nil {
			return err
		}
		w := whole{conf: *resolved, factories: known}
		for _, warning := range w.warnings() {
			fmt.Fprintln(cmd.ErrOrStderr(), "Warning:", warning)
		}
		return w.validateReferences(cmd.Context())
	}
}

// keepIn returns a converter that changes nothing and keeps what it sees.
func keepIn(resolved **confmap.Conf) confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return keeper{resolved} })
}

type keeper struct{ resolved **confmap.Conf }

func (k keeper) Convert(_ context.Context, conf *confmap.Conf) error {
	*k.resolved = conf
	return nil
}

// whole is a configuration each of whose parts is valid.
type whole struct {
	conf      *confmap.Conf
	factories otelcol.Factories
}

// kinds are the sections whose components pipelines use.
var kinds = []string{"receivers", "processors", "exporters", "connectors"}

// used are the components of a kind that pipelines name, sorted.
func used(conf *confmap.Conf, kind string) []string {
	names := map[string]bool{}
	for _, p := range pipelines(conf) {
		for _, id := range append(p.list("receivers"), append(p.list("processors"), p.list("exporters")...)...) {
			names[id] = true
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(id string) bool { return !conf.IsSet(kind + "::" + id) })
}

type pipeline struct {
	id   string
	body map[string]any
}

func (p pipeline) list(key string) (ids []string) {
	list, _ := p.body[key].([]any)
	for _, id := range list {
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}

// pipelines of a configuration, sorted by their ids.
func pipelines(conf *confmap.Conf) (all []pipeline) {
	bodies, _ := conf.Get("service::pipelines").(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(bodies)) {
		body, _ := bodies[id].(map[string]any)
		all = append(all, pipeline{id, body})
	}
	return all
}

func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return kind
}

// warnings are all that a start would log.
func (w whole) warnings() []string {
	all := pipelineWarnings(w.conf)
	for _, id := range used(w.conf, "processors") {
		if typeOf(id) != "session_timeout" {
			continue
		}
		body, err := w.conf.Sub("processors::" + id)
		if err != nil {
			continue
		}
		cfg := sessiontimeout.NewFactory().CreateDefaultConfig()
		if err := body.Unmarshal(cfg); err != nil {
			continue // has been validated
		}
		for _, warning := range cfg.(*sessiontimeout.Config).Warnings() {
			all = append(all, "processors::"+id+": "+warning)
		}
		if !slices.ContainsFunc(pipelines(w.conf), func(p pipeline) bool {
			return typeOf(p.id) == "logs" && slices.Contains(p.list("processors"), id)
		}) {
			all = append(all, fmt.Sprintf("processors::%s: stands in no logs pipeline, so that findings have no way out: "+
				"add it to one, for example `logs/sessions: {receivers: [nop], processors: [%s], exporters: [alerts]}`", id, id))
		}
	}
	return all
}

// pipelineWarnings are of what components cannot see by themselves.
func pipelineWarnings(conf *confmap.Conf) []string {
	warnings := largeBodies(conf)
	processors, _ := conf.Get("processors").(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(processors)) {
		if typeOf(id) == "session_timeout" && !slices.Contains(used(conf, "processors"), id) {
			warnings = append(warnings, fmt.Sprintf("processors::%s: stands in no pipeline, so that it judges nothing: add it to service::pipelines", id))
		}
	}
	for _, p := range pipelines(conf) {
		processors := p.list("processors")
		for i, id := range processors {
			if typeOf(id) != "session_timeout" || conf.Get("processors::"+id+"::durability") != "acknowledged" {
				continue
			}
			for _, before := range processors[:i] {
				if typeOf(before) == "batch" {
					warnings = append(warnings, fmt.Sprintf("service::pipelines::%s::processors: %s acknowledges before %s, whose durability is acknowledged, has stored anything: "+
						"put it behind, or leave it out (got %v)", p.id, before, id, processors))
				}
			}
		}
	}
	return warnings
}

// validateReferences checks that the extensions which components name will be
// there, and that storages are such.
func (w whole) validateReferences(ctx context.Context) error {
	var running []string
	extensions, _ := w.conf.Get("service::extensions").([]any)
	for _, id := range extensions {
		running = append(running, fmt.Sprint(id))
	}
	var errs []error
	for _, kind := range kinds {
		for _, id := range used(w.conf, kind) {
			for _, r := range references(w.conf.Get(kind+"::"+id), "") {
				switch {
				case !slices.Contains(running, r.id):
					errs = append(errs, fmt.Errorf("%s::%s: %s: must be the id of an extension that is configured under service::extensions (got %q)", kind, id, r.key, r.id))
				case strings.HasSuffix(r.key, "storage") && !w.isStorage(ctx, r.id):
					errs = append(errs, fmt.Errorf("%s::%s: %s: must be the id of a storage extension (got %q, which is none)", kind, id, r.key, r.id))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// isStorage reports whether an extension of this id would be a storage. One that
// cannot be created with its defaults, which touch nothing, may be.
func (w whole) isStorage(ctx context.Context, id string) bool {
	var parsed component.ID
	if parsed.UnmarshalText([]byte(id)) != nil {
		return true
	}
	factory := w.factories.Extensions[parsed.Type()]
	if factory == nil {
		return true
	}
	set := extension.Settings{ID: parsed, TelemetrySettings: component.TelemetrySettings{Logger: zap.NewNop()}}
	created, err := factory.Create(ctx, set, factory.CreateDefaultConfig())
	if err != nil {
		return true
	}
	_, is := created.(storage.Extension)
	return is
}

// reference is a key of a component that names an extension.
type reference struct{ key, id string }

// references are those below parent, by the keys that collectors use for them.
func references(value any, parent string) (all []reference) {
	section, _ := value.(map[string]any)
	if enabled, ok := section["enabled"].(bool); ok && !enabled {
		return nil
	}
	last := parent[strings.LastIndex(parent, ":")+1:]
	for _, name := range slices.Sorted(maps.Keys(section)) {
		key := strings.TrimPrefix(parent+"::"+name, "::")
		id, text := section[name].(string)
		list, _ := section[name].([]any)
		switch {
		case text && name == "storage" && (parent == "" || last == "sending_queue"), text && name == "authenticator" && last == "auth":
			all = append(all, reference{key, id})
		case name == "middlewares":
			for i, item := range list {
				if m, _ := item.(map[string]any); m["id"] != nil {
					all = append(all, reference{fmt.Sprintf("%s::%d::id", key, i), fmt.Sprint(m["id"])})
				}
			}
		default:
			all = append(all, references(section[name], key)...)
		}
	}
	return all
}
