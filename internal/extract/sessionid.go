package extract

import (
	"strconv"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// maxIDSize is the longest id in bytes: what a user agent must at least take
// for a whole cookie (RFC 6265, section 6.1).
const maxIDSize = 4096

// placeholderWords stand, in any case, where an id should be and none is. So
// do empty values and zeros.
var placeholderWords = [...]string{"null", "undefined", "deleted"}

// presentedPrefixes are of attributes that hold what the client sent.
var presentedPrefixes = [...]string{
	"http.request.header.",
	"rpc.request.metadata.", "rpc.grpc.request.metadata.", "rpc.connect_rpc.request.metadata.",
	"messaging.header.",
}

func isPresented(name string) bool {
	for _, prefix := range presentedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// idSource is one attribute that may hold the session id.
type idSource struct {
	slot  slot
	flags fact.Flags
}

// sessionID is what one place says of whose record it is.
type sessionID struct {
	reason    Reason // why it is none; else usable
	inherited bool   // from the scope or the resource
	flags     fact.Flags
	raw       string
}

// sessionID is the first configured attribute that is present in f. One that
// is present and unusable is not passed over: who is named by nothing usable
// is nobody, not whoever the next attribute or the resource names.
func (x *Extractor) sessionID(f *found) sessionID {
	if f.any(x.idMask) {
		for _, source := range x.idSources {
			if f.has(source.slot) {
				raw, reason := x.hash.readID(f.values[source.slot%maxSlots])
				return sessionID{reason: reason, flags: source.flags, raw: raw}
			}
		}
	}
	return sessionID{reason: absent}
}

const (
	usable = ReasonCount + iota // the Reason of what is not refused
	absent                      // and of an id that is not there
)

// readID returns the id that v holds, or why it holds none.
func (h *hasher) readID(v pcommon.Value) (string, Reason) {
	raw := v.Str()
	if raw == "" {
		var ok bool
		switch raw, ok = firstString(v); {
		case !ok:
			return "", SessionIDType
		case raw == "":
			return "", SessionIDEmpty
		}
	}
	if len(raw) > maxIDSize {
		return "", SessionIDSize
	}
	if isPlaceholder(raw) {
		return "", SessionIDPlaceholder
	}
	if h.alreadyHashed {
		if _, ok := h.hashed[raw]; ok {
			return "", SessionIDPlaceholder
		}
	}
	return raw, usable
}

// isPlaceholder reports whether raw, which is not empty, stands for no id.
func isPlaceholder(raw string) bool {
	switch raw[0] | 0x20 {
	case 'n', 'u', 'd':
		for _, word := range placeholderWords {
			if equalFold(raw, word) {
				return true
			}
		}
		return false
	case '0' | 0x20:
		for i := range len(raw) {
			if c := raw[i]; c != '0' && (c != '-' || i == 0) {
				return false
			}
		}
		return true
	}
	return false
}

// userSlots are where user looks.
const userSlots = 1<<slotUser | 1<<slotUserOld

// user writes to name, which is zero, the identity that a record shows: a
// string, or a number as text.
func (x *Extractor) user(f *found, b *Batch, name *fact.Name) {
	for _, s := range [...]slot{slotUser, slotUserOld} {
		if !f.has(s) {
			continue
		}
		raw := textOf(f.values[s], b)
		if isNoID(raw) {
			continue
		}
		if x.hash.alreadyHashed {
			if _, ok := x.hash.hashed[raw]; ok {
				continue
			}
		}
		name.Raw = raw
		name.ID[0], name.ID[1] = x.hash.user.hash(raw)
		return
	}
}

// itoa is n as text that lives as long as the batch.
func (b *Batch) itoa(n int64) string {
	from := len(b.digits)
	b.digits = strconv.AppendInt(b.digits, n, 10)
	// What lies below len(b.digits) is not written again until Reset.
	return unsafe.String(&b.digits[from], len(b.digits)-from)
}
