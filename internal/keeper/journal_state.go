package keeper

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// journalState is what is kept of the journal as a whole: where it begins, and
// what the numbers of policies in it mean.
type journalState struct {
	first        uint64
	checkpointed bool // there is a checkpoint that it follows
	policies     []string
}

func (s *journalState) sealed() []byte {
	b := wire.Begin(nil)
	b = binary.AppendUvarint(b, s.first)
	if s.checkpointed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, name := range s.policies {
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	}
	return seal(b, journalKey)
}

func readJournalState(value []byte) (s journalState, err error) {
	b, err := unseal(value, journalKey)
	if err != nil {
		return s, err
	}
	first, n := binary.Uvarint(b)
	if n <= 0 || len(b) == n {
		return s, wire.ErrTruncated
	}
	s.first, s.checkpointed = first, b[n] == 1
	for b = b[n+1:]; len(b) > 0; {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return s, wire.ErrTruncated
		}
		s.policies = append(s.policies, string(b[n:n+int(length)]))
		b = b[n+int(length):]
	}
	return s, nil
}

func (k *Keeper) journalState(first uint64, checkpointed bool) []byte {
	s := journalState{first: first, checkpointed: checkpointed}
	for i := range k.cfg.Engine.Policies {
		s.policies = append(s.policies, k.cfg.Engine.Policies[i].Name)
	}
	return s.sealed()
}
