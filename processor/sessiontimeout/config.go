package sessiontimeout

import "time"

// Config is the configuration of the processor.
type Config struct {
	Policies []PolicyConfig `mapstructure:"policies"`
}

// PolicyConfig is one policy; the first that matches governs.
type PolicyConfig struct {
	Name            string        `mapstructure:"name"`
	IdleTimeout     time.Duration `mapstructure:"idle_timeout"`
	AbsoluteTimeout time.Duration `mapstructure:"absolute_timeout"`
}
