package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// runbooks are the commands of each page, by the alert that it is of.
func runbooks(t *testing.T) map[string][]string {
	t.Helper()
	pages, err := filepath.Glob("../docs/runbooks/Session*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	block := regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n")
	all := map[string][]string{}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			all[name] = append(all[name], strings.Split(b[1], "\n")...)
		}
		require.NotEmpty(t, all[name], path)
	}
	return all
}

// runCommand runs what somebody copies out of a runbook, in a shell, and returns what it
// prints.
func (p *prometheus) runCommand(command string) (string, error) {
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "PROMETHEUS=http://"+p.address)
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// requireCommands: each command of each runbook runs as it is written. What they return
// is for [requireQueries] and [TestRunbooks].
func requireCommands(t *testing.T, p *prometheus) {
	t.Helper()
	peer(t, "promtool")
	commands, running, failed := make(chan string), sync.WaitGroup{}, sync.Map{}
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for command := range commands {
				if said, err := p.runCommand(command); err != nil || strings.Contains(said, "rror") {
					failed.Store(command, said)
				}
			}
		})
	}
	for _, all := range runbooks(t) {
		for _, command := range all {
			commands <- command
		}
	}
	close(commands)
	running.Wait()
	failed.Range(func(command, said any) bool {
		require.Fail(t, "a command of a runbook fails", "%s\n%s", command, said)
		return true
	})
}

// page is what an alert that fires says, empty if it does not.
func (p *prometheus) page(alert string) (string, error) {
	body, err := get(p.t.Context(), "http://"+p.address+"/api/v1/alerts")
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
				State       string            `json:"state"`
			} `json:"alerts"`
		} `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	var said strings.Builder
	for _, a := range answer.Data.Alerts {
		if a.Labels["alertname"] == alert && a.State == "firing" {
			fmt.Fprintf(&said, "[%s] %s\n%s\n%s\n", a.Labels["severity"], a.Annotations["summary"], a.Annotations["description"], a.Annotations["dashboard_url"])
		}
	}
	return said.String(), err
}

// fires reports that an alert does not, or has not.
func (p *prometheus) fires(alert, labels string) error {
	found, _, err := p.ask(fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", %s}[10m]`, alert, labels))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s{%s} does not fire", alert, labels)
	}
	return err
}
