package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

// killedWait is decision_wait where collectors are killed: longer than any
// record waits for its acknowledgement, unless the machine stalls.
const killedWait = 2500 * time.Millisecond

// killedLimits are short, so that sessions of a few seconds can exceed them.
var killedLimits = limits{Limits: driver.Limits{
	Idle: 3 * time.Second / 2, Absolute: 4 * time.Second, Tolerance: 300 * time.Millisecond,
	EndGrace: 200 * time.Millisecond, RotationGrace: 200 * time.Millisecond,
}}

// TestKill: a collector that is killed again and again finds what another one
// finds that gets the same and lives. SESSION_KILLS says how often, and
// SESSION_SEED repeats a run.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 4
	if text := os.Getenv("SESSION_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	seed := rand.Uint64()
	if text := os.Getenv("SESSION_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	var err error
	for range tempos {
		if err = killAgainAndAgain(t, kills, seed); err == nil {
			return
		}
		t.Logf("once more: %v", err)
	}
	require.NoError(t, err)
}

// errStalled is a machine on which records wait for longer than the verdicts
// that rest on them.
var errStalled = errors.New("the machine stalls")

func killAgainAndAgain(t *testing.T, kills int, seed uint64) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	policies := []string{"name: guests, match: {user.id: [guest-*]}", "name: default"}
	start := func(durability string) *collector {
		return startCollector(t, collectorConfig{
			policies: policies, limits: killedLimits, decisionWait: killedWait, durability: durability,
		})
	}
	whole := start("")
	victims := []*victim{
		{collector: start("durability: acknowledged"), level: "acknowledged"},
		{collector: start("checkpoint_interval: 1s"), level: "checkpoint"},
	}
	l := &load{seed: seed, senders: []*sender{startSender(ctx, whole.url)}}
	for _, v := range victims {
		v.sender = startSender(ctx, v.url)
		l.senders = append(l.senders, v.sender)
	}
	t.Cleanup(func() {
		cancel()
		for _, s := range l.senders {
			s.close()
		}
	})

	killed, played := make(chan struct{}), make(chan error, 1)
	go func() { played <- l.run(ctx, killed) }()
	killAll(t, victims, kills, seed)
	close(killed)
	require.NoError(t, <-played)
	for _, s := range l.senders {
		s.close()
	}

	settle(t, whole, victims[0].collector, victims[1].collector)
	want := verdicts(whole.findings())
	for _, v := range victims {
		v.stop()
	}
	whole.stop()
	require.Equal(t, want, verdicts(whole.findings()), "found while the collector stopped")

	types := map[string]int{}
	for _, w := range want {
		require.Equal(t, "confirmed", w.State)
		types[w.Type]++
	}
	for _, kind := range []string{"idle_timeout", "absolute_timeout", "ended", "rotated", "revoked"} {
		require.Positive(t, types[kind], "no %s among %v", kind, types)
	}
	t.Logf("seed %d: %d sessions with %d records, without a kill %d findings %v", seed, l.sessions, l.records, len(want), types)
	for _, v := range victims {
		if late := len(v.late()); late > int(l.sessions)/10 {
			return fmt.Errorf("%w: of %d sessions something waited for too long, up to %v", errStalled, late, v.sender.longest())
		}
	}
	for _, v := range victims {
		v.judge(t, want)
	}
	return nil
}

// victim is a collector that is killed.
type victim struct {
	*collector
	level  string
	sender *sender
	kills  int
	early  int // of them, before it was ready
}

// killAll kills all victims side by side.
func killAll(t *testing.T, victims []*victim, kills int, seed uint64) {
	t.Helper()
	type next struct {
		at   time.Time
		done bool
	}
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a load, no secret
	// One in four dies as it starts, the others within some seconds of it.
	moment := func() time.Time {
		if rng.IntN(4) == 0 {
			return time.Now().Add(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
		return time.Now().Add(time.Duration(500+rng.IntN(4000)) * time.Millisecond)
	}
	plan := make([]next, len(victims))
	for i := range plan {
		plan[i].at = time.Now().Add(time.Duration(1000+rng.IntN(3000)) * time.Millisecond)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for left := len(victims); left > 0; {
		now := <-tick.C
		for i, v := range victims {
			select {
			case <-v.process.exited:
				if bytes.Contains(v.process.said(), []byte("address already in use")) {
					v.launch() // somebody has tried whether the port is free
					continue
				}
				require.FailNow(t, "the collector ended by itself", "%v: %s", v.process.err, lastLines(v.process.said(), 20))
			default:
			}
			// Evidence that is late by more than decision_wait is late for the
			// collector that lives, too.
			if plan[i].done || now.Before(plan[i].at) || v.sender.lag() > killedWait/8 {
				continue
			}
			if connection, err := net.Dial("tcp", v.otlp); err != nil {
				v.early++
			} else {
				_ = connection.Close()
			}
			v.process.kill()
			v.launch()
			v.kills++
			plan[i].at = moment()
			if v.kills == kills {
				plan[i].done = true
				left--
			}
		}
	}
	for _, v := range victims {
		v.process.waitFor(v.metricsURL())
	}
}

// late are the sessions, by pseudonym, of whom something came later than
// decision_wait. What a checkpoint has lost of them was not said to be.
func (v *victim) late() map[string]bool {
	return v.sender.told(func(r receipt) bool { return r.acknowledged.Sub(r.from) > killedWait })
}

var pendingLine = regexp.MustCompile(`(?m)^otelcol_processor_session_timeout_findings_pending\{.*\} (\S+)$`)

// settle waits until nothing is undecided, and what was decided has left.
func settle(t *testing.T, all ...*collector) {
	t.Helper()
	found, since := 0, time.Now()
	eventually(t, patience, func() error {
		now := 0
		for _, c := range all {
			match := pendingLine.FindSubmatch(c.metrics())
			if match == nil || string(match[1]) != "0" {
				return fmt.Errorf("%s findings are pending", match)
			}
			now += len(c.findings())
		}
		if now != found {
			found, since = now, time.Now()
		}
		if time.Since(since) < 2*time.Second { // what grows is sent again after one
			return errors.New("findings still come")
		}
		return nil
	})
}

// seen is what two collectors agree on where they have seen the same.
type seen struct {
	Session, Service, Policy, Type, State, Reason string
	StartedAt, ExpiredAt, FirstAt, LastAt         string
	Requests                                      int
	StartKnown                                    bool
}

// verdicts are the last revision of each finding, by id.
func verdicts(findings []finding) map[string]seen {
	all := map[string]seen{}
	for id, f := range latest(findings) {
		all[id] = seen{
			f.text("session"), f.service(), f.text("policy"), f.text("type"), f.text("state"), f.text("reason"),
			f.text("started_at"), f.text("expired_at"), f.text("first_at"), f.text("last_at"), f.number("requests"),
			f.attribute("session_timeout.start_known").Bool(),
		}
	}
	return all
}

// violation is one whatever its id, which a lost login changes.
type violation struct{ session, service, policy string }

func (s seen) violation() violation { return violation{s.Session, s.Service, s.Policy} }

// judge holds what was found against what is found without a kill.
func (v *victim) judge(t *testing.T, want map[string]seen) {
	t.Helper()
	got := verdicts(v.findings())
	blind := v.blind(t)
	inDoubt, late := v.inDoubt(blind), v.late()
	if v.level == "acknowledged" {
		late = nil
	}
	var missing, extra, unexcused []string
	counts := map[string]int{}
	lost := map[violation]bool{}
	for id, w := range want {
		g, found := got[id]
		switch {
		case late[w.Session]:
			counts["late"]++
		case found && g == w:
			counts["same"]++
		case found && g.State == "confirmed":
			counts["otherwise"]++
			// A silence or an age that cannot be confirmed does not hide an end that can.
			hidden := g.Type != w.Type && blind.touch(w.unproven(t))
			if !inDoubt[w.Session] && !hidden {
				unexcused = append(unexcused, fmt.Sprintf("%s: want %+v, got %+v", id, w, g))
			}
		case found && g.State == "inconclusive":
			counts["inconclusive"]++
			if g.Reason != "crash" {
				unexcused = append(unexcused, fmt.Sprintf("%s: %+v", id, g))
			}
		default:
			lost[w.violation()] = true
			missing = append(missing, fmt.Sprintf("%s: want %+v, got %+v", id, w, g))
			if !inDoubt[w.Session] {
				unexcused = append(unexcused, missing[len(missing)-1])
			}
		}
	}
	for id, g := range got {
		switch _, known := want[id]; {
		case known || g.State != "confirmed" || late[g.Session]:
		case lost[g.violation()] && !g.StartKnown:
			counts["renamed"]++
		default:
			extra = append(extra, fmt.Sprintf("%s: %+v", id, g))
		}
	}
	t.Logf("%s: %d kills (%d as it started), %d batches sent again, a record waited for at most %v: of %d findings %d the same, "+
		"%d with other content, %d inconclusive, %d missing (%d of them under another id), %d extra, %d not judged; %d blind intervals",
		v.level, v.kills, v.early, v.sender.mu.resent, v.sender.longest().Round(time.Millisecond), len(want), counts["same"],
		counts["otherwise"], counts["inconclusive"], len(missing), counts["renamed"], len(extra), counts["late"], len(blind))
	require.Empty(t, extra, "%s: found only because of a kill", v.level)
	require.Empty(t, unexcused, "%s: missing, and not said to be", v.level)
	if v.level == "acknowledged" {
		require.Empty(t, blind)
		require.Equal(t, len(want), counts["same"], "%v: %v", counts, missing)
	}
}

// interval is a time in which what arrived may be lost, as the collector's log
// says.
type interval struct{ from, to time.Time }

type intervals []interval

var blindField = regexp.MustCompile(`"blind_from": "([^"]+)", "stopped": "([^"]+)"`)

// blind reads what the runs have said of what they had lost.
func (c *collector) blind(t *testing.T) (all intervals) {
	t.Helper()
	read := func(text []byte) time.Time {
		at, err := time.Parse("2006-01-02T15:04:05.000Z0700", string(text))
		require.NoError(t, err)
		return at
	}
	for _, match := range blindField.FindAllSubmatch(c.said(), -1) {
		all = append(all, interval{read(match[1]), read(match[2]).Add(time.Millisecond)})
	}
	return all
}

// unproven is the time that a violation claims to know all of: of an idle one its
// silence, of an absolute one its age. What was lost of it may clear it. An end
// stands for itself, and is told otherwise only of a session in doubt.
func (s seen) unproven(t *testing.T) (none interval) {
	t.Helper()
	read := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return at
	}
	switch s.Type {
	case "idle_timeout":
		return interval{read(s.ExpiredAt).Add(-killedLimits.Idle), read(s.FirstAt)}
	case "absolute_timeout":
		return interval{read(s.StartedAt), read(s.FirstAt)}
	}
	return none
}

// touch reports whether facts of a time may have been lost: they arrive within
// decision_wait.
func (all intervals) touch(some interval) bool {
	return slices.ContainsFunc(all, func(i interval) bool {
		return some.to.After(i.from.Add(-killedWait)) && some.from.Before(i.to)
	})
}

// inDoubt are the sessions, by pseudonym, of whom something arrived while the
// collector was blind. Only they may be judged otherwise.
func (v *victim) inDoubt(blind intervals) map[string]bool {
	return v.sender.told(func(r receipt) bool {
		return slices.ContainsFunc(blind, func(i interval) bool { return r.acknowledged.After(i.from) && r.sent.Before(i.to) })
	})
}
