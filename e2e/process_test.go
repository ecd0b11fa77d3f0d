package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How often something is looked at that is waited for, and for how long at most,
// which says nothing but that it will not come: a machine may have much else to do.
const (
	pollInterval = 100 * time.Millisecond
	patience     = 2 * time.Minute
	callTimeout  = 30 * time.Second
)

// process is a program that runs beside the test. Its output is kept in a file
// and shown where the test fails.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	output string
	exited chan struct{}
	err    error // set when exited is closed
	killed bool  // what it said is of no interest
}

// startProcess starts a program that ends with the test, at the latest.
func startProcess(t *testing.T, name, binary string, args ...string) *process {
	t.Helper()
	output, err := os.Create(filepath.Join(t.TempDir(), "output.txt"))
	require.NoError(t, err)
	defer output.Close()
	p := &process{t: t, name: name, cmd: exec.Command(binary, args...), output: output.Name(), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.SysProcAttr = dieWithParent()
	require.NoError(t, p.cmd.Start(), "start %s", name)
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // does nothing to one that has been waited for
		<-p.exited
		if t.Failed() && !p.killed {
			t.Logf("%s said:\n%s", name, lastLines(p.said(), 60))
		}
	})
	return p
}

// stop asks the process to end and returns how it did.
func (p *process) stop() error {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.FailNow(p.t, p.name+" does not stop")
	}
	return p.err
}

// kill ends the process at once.
func (p *process) kill() {
	p.killed = true
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// said is the output so far.
func (p *process) said() []byte {
	p.t.Helper()
	content, err := os.ReadFile(p.output)
	require.NoError(p.t, err)
	return content
}

// waitFor polls a URL until it answers 200.
func (p *process) waitFor(url string) {
	p.t.Helper()
	eventually(p.t, patience, func() error {
		select {
		case <-p.exited:
			require.FailNow(p.t, p.name+" ended by itself", "%v", p.err)
		default:
		}
		_, err := get(p.t.Context(), url)
		return err
	})
}

// eventually polls until the check passes, and fails the test with the check's
// last error where it never does.
func eventually(t *testing.T, timeout time.Duration, check func() error) {
	t.Helper()
	if err := within(timeout, check); err != nil {
		require.FailNow(t, "waited in vain", "for %v: %v", timeout, err)
	}
}

// within polls until the check passes, and returns its last error where it never does.
func within(timeout time.Duration, check func() error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(timeout); ; <-tick.C {
		if err := check(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// client keeps no connections, which would outlive the processes.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: callTimeout}

// get returns the body of an answer with status 200.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", url, response.Status, body)
	}
	return body, err
}

var handedOut sync.Map

// freeAddress is a loopback address that nobody listens on. Its port lies below
// those that systems give to outgoing connections, so that it stays free while
// a process is stopped and started again.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000)))
		// Who has it may not be there now, and must be able to come back.
		if _, taken := handedOut.LoadOrStore(address, true); taken {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		require.NoError(t, listener.Close())
		return address
	}
	require.FailNow(t, "no free port")
	return ""
}

// peer finds a program of another project.
func peer(t *testing.T, command string) string {
	t.Helper()
	path, err := exec.LookPath(command)
	require.NoError(t, err, "%s is not installed; scripts/peers installs it", command)
	return path
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

func lastLines(text []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
