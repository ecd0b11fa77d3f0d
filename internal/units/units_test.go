package units

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
)

type batch struct {
	Flush time.Duration `mapstructure:"flush"`
}

type Squashed struct {
	Timeout time.Duration `mapstructure:"timeout"`
}

type config struct {
	Squashed `mapstructure:",squash"`
	Wait     time.Duration                  `mapstructure:"wait"`
	Count    int                            `mapstructure:"count"`
	Batch    batch                          `mapstructure:"batch"`
	Maybe    configoptional.Optional[batch] `mapstructure:"maybe"`
	List     []batch                        `mapstructure:"list"`
	Pointer  *batch                         `mapstructure:"pointer"`
}

func (c *config) Unmarshal(conf *confmap.Conf) error { return Unmarshal(conf, c) }

func load(t *testing.T, yaml string) (config, error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := config{Wait: time.Minute, Maybe: configoptional.None[batch]()}
	err = conf.Unmarshal(&cfg)
	return cfg, err
}

func TestUnits(t *testing.T) {
	const unit = "must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m"
	const number = "must be a number with a unit (ns, us, ms, s, m, h), such as 30s or 1h30m"
	for yaml, want := range map[string]string{
		`wait: 30`:                         `wait: ` + unit + ` (got 30)`,
		`wait: -1`:                         `wait: ` + unit + ` (got -1)`,
		`wait: 1800.5`:                     `wait: ` + unit + ` (got 1800.5)`,
		`wait: "30"`:                       `wait: ` + number + ` (got "30")`,
		`wait: 1d`:                         `wait: ` + number + ` (got "1d")`,
		`wait: soon`:                       `wait: ` + number + ` (got "soon")`,
		`timeout: 30`:                      `timeout: ` + unit + ` (got 30)`,
		`batch: {flush: 30}`:               `batch::flush: ` + unit + ` (got 30)`,
		`maybe: {flush: 30}`:               `maybe::flush: ` + unit + ` (got 30)`,
		`pointer: {flush: 30}`:             `pointer::flush: ` + unit + ` (got 30)`,
		`list: [{flush: 1s}, {flush: 30}]`: `list::1::flush: ` + unit + ` (got 30)`,
		"timeout: 1\nwait: 2":              "timeout: " + unit + " (got 1)\nwait: " + unit + " (got 2)",
	} {
		_, err := load(t, yaml)
		require.ErrorContains(t, err, want, yaml)
	}
}

func TestDecoded(t *testing.T) {
	cfg, err := load(t, "wait: 1h30m\ntimeout: 0\ncount: 30\nbatch: {flush: 0s}\nmaybe: {flush: 5s}\nlist: [{flush: 1s}, {}]\npointer:")
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute, cfg.Wait)
	require.Zero(t, cfg.Timeout)
	require.Equal(t, 30, cfg.Count)
	require.Equal(t, 5*time.Second, cfg.Maybe.Get().Flush)
	require.Equal(t, []batch{{time.Second}, {}}, cfg.List)

	cfg, err = load(t, "count: 1")
	require.NoError(t, err)
	require.Equal(t, time.Minute, cfg.Wait, "a default stays")

	_, err = load(t, "wiat: 1s")
	require.ErrorContains(t, err, "wiat")
}
