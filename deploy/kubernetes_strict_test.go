//go:build strict

// The types of the Kubernetes API take long to compile, so `make check` runs this.

package deploy

import (
	"strings"
	"testing"

	operator "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// TestManifests: each manifest is one of the API's own types, and has no field that they
// have not.
func TestManifests(t *testing.T) {
	types := map[string]func() any{
		"v1 ServiceAccount":                       func() any { return &core.ServiceAccount{} },
		"v1 ConfigMap":                            func() any { return &core.ConfigMap{} },
		"v1 Service":                              func() any { return &core.Service{} },
		"apps/v1 StatefulSet":                     func() any { return &apps.StatefulSet{} },
		"networking.k8s.io/v1 NetworkPolicy":      func() any { return &networking.NetworkPolicy{} },
		"monitoring.coreos.com/v1 ServiceMonitor": func() any { return &operator.ServiceMonitor{} },
		"monitoring.coreos.com/v1 PrometheusRule": func() any { return &operator.PrometheusRule{} },
	}
	seen := map[string]bool{}
	for _, path := range glob(t, "kubernetes", "*.yaml") {
		for document := range strings.SplitSeq(read(t, path), "\n---\n") {
			var kind meta.TypeMeta
			require.NoError(t, yaml.Unmarshal([]byte(document), &kind), path)
			name := kind.APIVersion + " " + kind.Kind
			make, is := types[name]
			require.True(t, is, "%s: %s", path, name)
			object := make()
			require.NoError(t, yaml.UnmarshalStrict([]byte(document), object), "%s: %s", path, name)
			require.Equal(t, "otelcol-session", object.(meta.Object).GetName())
			seen[name] = true
			if s, is := object.(*apps.StatefulSet); is {
				requireSelf(t, s)
			}
		}
	}
	require.Len(t, seen, len(types))
	require.Error(t, yaml.UnmarshalStrict([]byte("spec: {replica: 1}"), &apps.StatefulSet{}), "what is misspelt is noticed")
}

// requireSelf: the pods have the labels that they are selected by, and mount what there is.
func requireSelf(t *testing.T, s *apps.StatefulSet) {
	t.Helper()
	selector, err := meta.LabelSelectorAsSelector(s.Spec.Selector)
	require.NoError(t, err)
	require.True(t, selector.Matches(labels(s.Spec.Template.Labels)))
	volumes := map[string]bool{}
	for _, v := range s.Spec.Template.Spec.Volumes {
		volumes[v.Name] = true
	}
	for _, v := range s.Spec.VolumeClaimTemplates {
		volumes[v.Name] = true
	}
	for _, m := range s.Spec.Template.Spec.Containers[0].VolumeMounts {
		require.True(t, volumes[m.Name], m.Name)
	}
	limit := s.Spec.Template.Spec.Containers[0].Resources.Limits.Memory()
	require.Greater(t, limit.Value(), int64(1150<<20), "GOMEMLIMIT lies below the limit")
}

// labels are a set that a selector reads.
type labels map[string]string

func (l labels) Has(key string) bool              { _, is := l[key]; return is }
func (l labels) Get(key string) string            { return l[key] }
func (l labels) Lookup(key string) (string, bool) { v, is := l[key]; return v, is }
