package session

import (
	"crypto/sha256"
	"encoding/binary"
)

// findingID is the same for the same violation wherever it is found.
func (e *Engine) findingID(s *suspect) uint64 {
	if s.named && s.idFor == s.judgement.authentication {
		return s.id
	}
	s.named, s.idFor = true, s.judgement.authentication
	s.id = e.hashFinding(s)
	return s.id
}

func (e *Engine) hashFinding(s *suspect) uint64 {
	h := sha256.New()
	h.Write(s.t.pseudonym[:])
	for _, part := range [...]string{
		e.cfg.Policies[s.policy].Name,
		s.resource.ServiceName, s.resource.ServiceNamespace, s.resource.Environment,
	} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	if !e.cfg.PerRequest {
		h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(s.judgement.authentication)))
	} else {
		b := []byte{1}
		if s.identified() {
			b = append(append(b, s.trace[:]...), s.span[:]...)
		} else {
			b = binary.BigEndian.AppendUint64(b, uint64(s.Start))
			b = binary.BigEndian.AppendUint64(b, uint64(s.End))
			b = append(append(append(append(b, s.details.Method...), 0), s.details.Path...), s.details.Route...)
		}
		h.Write(b)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
