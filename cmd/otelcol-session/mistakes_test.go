package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
)

// TestMistakes: every mistake is refused or warned of with its key, the rule and
// the value, or said to be harmless, and then it is not.
func TestMistakes(t *testing.T) {
	t.Setenv("SESSION_HASH_KEY", "")
	content, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := parse(t, string(content))
	mistakes := file["mistakes"].([]any)
	if len(mistakes) < 120 {
		t.Fatalf("there are only %d mistakes", len(mistakes))
	}
	for _, m := range mistakes {
		mistake := m.(map[string]any)
		t.Run(mistake["name"].(string), func(t *testing.T) {
			base := strings.ReplaceAll(text(t, file["base"]), "DIRECTORY", filepath.ToSlash(t.TempDir()))
			conf := parse(t, base)
			if set, ok := mistake["set"].(map[string]any); ok {
				overlay(conf, set)
			}
			dropped, _ := mistake["drop"].([]any)
			for _, path := range dropped {
				drop(conf, strings.Split(path.(string), "::"))
			}
			refused, _ := mistake["refused"].(string)
			warned, _ := mistake["warned"].(string)
			harmless, _ := mistake["harmless"].(string)

			said, err := validate(t, text(t, conf))
			switch {
			case refused != "":
				if err == nil || !strings.Contains(err.Error(), refused) {
					t.Errorf("want an error with %q, got %v", refused, err)
				}
			case err != nil:
				t.Errorf("want no error, got %v", err)
			case warned != "":
				if said != "Warning: "+warned+"\n" {
					t.Errorf("want the warning %q, got %q", warned, said)
				}
			case harmless == "":
				t.Error("neither refused nor warned of, and no reason why it is harmless")
			case said != "":
				t.Errorf("want nothing, got %q", said)
			}
		})
	}
}

// validate runs the command on a configuration and returns what it says on
// stderr beside its error.
func validate(t *testing.T, conf string) (said string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(settings())
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SilenceErrors = true
	cmd.SetArgs([]string{"validate", "--config", path})
	err = cmd.ExecuteContext(t.Context())
	if stdout.Len() > 0 {
		t.Errorf("stdout has %q", &stdout)
	}
	return stderr.String(), err
}

func parse(t *testing.T, yaml string) map[string]any {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		t.Fatal(err)
	}
	return conf.ToStringMap()
}

// text is a configuration as JSON, which is YAML, too.
func text(t *testing.T, conf any) string {
	t.Helper()
	content, err := json.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// overlay merges maps and replaces all else.
func overlay(conf, over map[string]any) {
	for name, value := range over {
		below, isMap := conf[name].(map[string]any)
		if added, ok := value.(map[string]any); ok && isMap {
			overlay(below, added)
			continue
		}
		conf[name] = value
	}
}

func drop(conf map[string]any, path []string) {
	if len(path) > 1 {
		drop(conf[path[0]].(map[string]any), path[1:])
		return
	}
	delete(conf, path[0])
}
