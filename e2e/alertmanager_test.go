package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alertmanager is a real one, which may be stopped and started again.
type alertmanager struct {
	t       *testing.T
	dir     string
	address string
	process *process
}

// alert is what Alertmanager says of one.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func startAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	return startAlertmanagerAt(t, freeAddress(t))
}

func startAlertmanagerAt(t *testing.T, address string) *alertmanager {
	t.Helper()
	am := &alertmanager{t: t, dir: t.TempDir(), address: address}
	writeFile(t, filepath.Join(am.dir, "alertmanager.yml"), "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	am.start()
	return am
}

func (am *alertmanager) start() {
	am.t.Helper()
	am.process = startProcess(am.t, "Alertmanager", peer(am.t, "prometheus-alertmanager"),
		"--config.file="+filepath.Join(am.dir, "alertmanager.yml"),
		"--storage.path="+filepath.Join(am.dir, "data"),
		"--web.listen-address="+am.address,
		"--cluster.listen-address=",
	)
	am.process.waitFor(am.url("/-/ready"))
}

func (am *alertmanager) stop() {
	am.t.Helper()
	require.NoError(am.t, am.process.stop())
}

func (am *alertmanager) url(path string) string { return "http://" + am.address + path }

// active lists the active alerts, also as they were answered.
func (am *alertmanager) active(ctx context.Context) (alerts []alert, raw []byte, err error) {
	raw, err = get(ctx, am.url("/api/v2/alerts?active=true&silenced=false&inhibited=false"))
	if err == nil {
		err = json.Unmarshal(raw, &alerts)
	}
	return alerts, raw, err
}

// sighting is one look at an alert, at a moment between asked and answered.
type sighting struct {
	alert
	asked, answered time.Time
}

// life is what was seen of one alert, up to the look that no longer found it.
type life struct {
	sightings []sighting
	gone      time.Time // the moment of that look; zero while the alert is there
	returned  bool      // it was seen again after that
}

func (l *life) last() sighting { return l.sightings[len(l.sightings)-1] }

// observer looks at the active alerts again and again.
type observer struct {
	am   *alertmanager
	done chan struct{}
	wait sync.WaitGroup
	mu   struct {
		sync.Mutex
		lives map[string]*life // by labels, as labelsOf has them
		raw   []byte           // all that Alertmanager ever answered
		err   error
	}
}

// observe looks at the active alerts until it is stopped, or the test ends.
func observe(am *alertmanager) *observer {
	o := &observer{am: am, done: make(chan struct{})}
	o.mu.lives = map[string]*life{}
	o.wait.Go(func() {
		tick := time.NewTicker(2 * pollInterval)
		defer tick.Stop()
		for {
			select {
			case <-o.done:
				return
			case <-tick.C:
				o.look()
			}
		}
	})
	am.t.Cleanup(func() {
		close(o.done)
		o.wait.Wait()
	})
	return o
}

func (o *observer) look() {
	asked := time.Now()
	alerts, raw, err := o.am.active(context.Background())
	answered := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.mu.err = errors.Join(o.mu.err, err)
		return
	}
	if len(alerts) > 0 {
		o.mu.raw = append(append(o.mu.raw, raw...), '\n')
	}
	seen := map[string]bool{}
	for _, a := range alerts {
		key := labelsOf(a.Labels)
		seen[key] = true
		if o.mu.lives[key] == nil {
			o.mu.lives[key] = &life{}
		}
		l := o.mu.lives[key]
		l.returned = l.returned || !l.gone.IsZero()
		l.sightings = append(l.sightings, sighting{a, asked, answered})
	}
	for key, l := range o.mu.lives {
		if !seen[key] && l.gone.IsZero() {
			l.gone = answered
		}
	}
}

// allGone fails as long as an alert is active.
func (o *observer) allGone() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for labels, l := range o.mu.lives {
		if l.gone.IsZero() {
			return fmt.Errorf("%s is active until %v", labels, l.last().EndsAt)
		}
	}
	return o.mu.err
}

// seen returns the lives of all alerts by their labels, and all that
// Alertmanager answered.
func (o *observer) seen(t *testing.T) (lives map[string]life, raw []byte) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.NoError(t, o.mu.err)
	lives = map[string]life{}
	for labels, l := range o.mu.lives {
		lives[labels] = life{slices.Clone(l.sightings), l.gone, l.returned}
	}
	return lives, slices.Clone(o.mu.raw)
}

// labelsOf is a set of labels as text; equal sets are equal texts.
func labelsOf(labels map[string]string) string {
	text, _ := json.Marshal(labels)
	return string(text)
}
