package sessiontimeout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// policyHash is the first 12 hex digits of SHA-256 over all of the configuration that
// decides verdicts: two collectors in which it differs may judge the same telemetry
// differently. What decides none is taken out, so that a key that is new counts until
// somebody says that it does not.
func (c *Config) policyHash() string {
	x := *c
	x.SessionID.HashKey = "" // it decides what findings are called
	x.Findings, x.Mark, x.MaxServices = FindingsConfig{}, false, 0
	x.Storage, x.Durability, x.CheckpointInterval = nil, "", 0
	x.Policies = slices.Clone(c.Policies)
	for i := range x.Policies {
		x.Policies[i].Severity = ""
	}
	all, err := json.Marshal(&x)
	if err != nil {
		panic(err) // a Config has nothing that JSON has no words for, and a test sets all of it
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])[:12]
}
