// Command wholeprocess measures what session_timeout adds to the CPU time of a
// whole collector: OTLP over gRPC in, nop out, with the processor and without;
// or what session_console adds to one that has the processor.
//
//	make build
//	cd bench && go run ./cmd/wholeprocess          # nine pairs, some minutes
//	cd bench && go run ./cmd/wholeprocess -of session_console
//	cd bench && go run ./cmd/wholeprocess -help
//
// In every pair both configurations are started anew, one after the other, in an
// order that alternates, and get the same number of spans over the loopback
// interface; nothing leaves the machine. What is compared is the CPU time of the
// collector's process as the operating system accounts for it, all of its
// threads and its kernel time included, less what the same configuration uses
// to start and to stop. The median of the pairs' ratios is the result. Each run
// ends with a look at the collector's own metrics: that it accepted every span,
// and that the processor took each as the fact of a request and suspected none;
// and at the console, that it shows their sessions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"
)

// subject is what is measured: a collector that has it, and one that has not.
type subject struct {
	with, without variant
	limit         float64 // what it may cost at most
}

var subjects = map[string]subject{
	"session_timeout": {with: variant{processor: true}, limit: 1.15},
	"session_console": {with: variant{processor: true, console: true}, without: variant{processor: true}, limit: 1.03},
}

func main() {
	var c comparison
	flag.StringVar(&c.of, "of", "session_timeout", "what to measure: session_timeout or session_console")
	flag.StringVar(&c.collector, "collector", "../bin/otelcol-session", "the collector to measure")
	flag.IntVar(&c.pairs, "pairs", 9, "how often to compare")
	flag.IntVar(&c.load.spans, "spans", 2_000_000, "how many spans each collector gets")
	flag.IntVar(&c.load.sessions, "sessions", 100_000, "how many sessions they belong to")
	flag.IntVar(&c.load.batch, "batch", 1024, "how many spans are sent at once")
	flag.IntVar(&c.load.senders, "senders", 2, "how many batches are under way at a time")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// comparison of a collector with something and without it.
type comparison struct {
	of        string
	collector string
	pairs     int
	load      load
}

// cost is what one collector used from its start to its end.
type cost struct {
	cpu      time.Duration
	resident int64 // bytes, at most; 0 where it is not known
}

func (c *comparison) run(ctx context.Context, out io.Writer) error {
	if c.pairs < 1 || c.load.spans < 1 || c.load.sessions < 1 || c.load.batch < 1 || c.load.senders < 1 {
		return errors.New("all numbers must be positive")
	}
	s, ok := subjects[c.of]
	if !ok {
		return fmt.Errorf("there is no %q to measure: session_timeout is, and session_console", c.of)
	}
	variants := [2]variant{s.without, s.with}
	var idle [2]cost
	for with := range idle {
		var err error
		if idle[with], err = measure(ctx, c.collector, variants[with], load{}); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d spans on %d sessions over OTLP/gRPC in batches of %d; a collector that gets none uses %v of CPU time.\n\n",
		c.load.spans, c.load.sessions, c.load.batch, idle[0].cpu.Round(time.Millisecond))

	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pair\tCPU ns/span without\twith\tratio\tMiB without\twith\t")
	var ratios []float64
	for pair := range c.pairs {
		var costs [2]cost
		for i := range costs {
			with := (pair + i) % 2
			r, err := measure(ctx, c.collector, variants[with], c.load)
			if err != nil {
				return err
			}
			r.cpu -= idle[with].cpu
			costs[with] = r
		}
		ratios = append(ratios, float64(costs[1].cpu)/float64(costs[0].cpu))
		fmt.Fprintf(w, "%d\t%d\t%d\t%.3f\t%d\t%d\t\n", pair+1,
			costs[0].cpu.Nanoseconds()/int64(c.load.spans), costs[1].cpu.Nanoseconds()/int64(c.load.spans), ratios[pair],
			costs[0].resident>>20, costs[1].resident>>20)
	}
	w.Flush()

	slices.Sort(ratios)
	median := (ratios[(len(ratios)-1)/2] + ratios[len(ratios)/2]) / 2
	verdict := "met"
	if median > s.limit {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "\nwhole process: times the CPU time without %s  %.3f  ≤ %v  %s\n", c.of, median, s.limit, verdict)
	return nil
}
