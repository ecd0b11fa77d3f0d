package extract

import "go.opentelemetry.io/collector/pdata/pcommon"

// slot numbers an attribute name that matters.
type slot uint8

// The names that matter whatever is configured. Those that configuration adds
// follow them.
const (
	slotMethod slot = iota
	slotMethodOld
	slotRoute
	slotPath
	slotTargetOld
	slotStatus
	slotStatusOld
	slotRPCStatus
	slotRPCStatusOld
	slotGRPCStatusOld
	slotRPCMethod
	slotDestination
	slotErrorType
	slotUser
	slotUserOld
	slotLocation
	slotContentType
	slotContentTypeOld
	slotDuration
	slotEventName
	slotPreviousID
	slotServiceName
	slotServiceNamespace
	slotServiceInstance
	slotEnvironment
	slotEnvironmentOld
	slotSDKLanguage

	builtinSlots
)

var builtinNames = [builtinSlots]string{
	slotMethod:           "http.request.method",
	slotMethodOld:        "http.method",
	slotRoute:            "http.route",
	slotPath:             "url.path",
	slotTargetOld:        "http.target",
	slotStatus:           "http.response.status_code",
	slotStatusOld:        "http.status_code",
	slotRPCStatus:        "rpc.response.status_code",
	slotRPCStatusOld:     "rpc.status_code",
	slotGRPCStatusOld:    "rpc.grpc.status_code",
	slotRPCMethod:        "rpc.method",
	slotDestination:      "messaging.destination.name",
	slotErrorType:        "error.type",
	slotUser:             "user.id",
	slotUserOld:          "enduser.id",
	slotLocation:         "http.response.header.location",
	slotContentType:      "http.response.header.content-type",
	slotContentTypeOld:   "http.response.header.content_type",
	slotDuration:         "http.server.request.duration",
	slotEventName:        "event.name",
	slotPreviousID:       "session.previous_id",
	slotServiceName:      "service.name",
	slotServiceNamespace: "service.namespace",
	slotServiceInstance:  "service.instance.id",
	slotEnvironment:      "deployment.environment.name",
	slotEnvironmentOld:   "deployment.environment",
	slotSDKLanguage:      "telemetry.sdk.language",
}

// maxSlots is the width of found.seen.
const maxSlots = 64

const buckets = 1024

// keyTable finds the slot of an attribute name: a hash table of so few names
// in so many buckets that almost every name that does not matter meets an
// empty one.
type keyTable struct {
	lengths uint64         // bit n: some name's length is n, modulo its width
	heads   [buckets]uint8 // slot+1 of a bucket's first name; 0 is none
	next    [maxSlots]uint8
	names   [maxSlots]string
	count   int
}

func newKeyTable() *keyTable {
	t := &keyTable{}
	for _, name := range builtinNames {
		t.add(name)
	}
	return t
}

// add returns the slot of name, a new one if it has none; false if all slots
// are taken.
func (t *keyTable) add(name string) (slot, bool) {
	if s, ok := t.find(name); ok {
		return s, true
	}
	if t.count == maxSlots {
		return 0, false
	}
	s := t.count
	t.count++
	head := &t.heads[bucket(name)%buckets]
	t.names[s], t.next[s], *head = name, *head, uint8(s)+1
	t.lengths |= 1 << (len(name) % 64)
	return slot(s), true
}

// bucket hashes what differs most among attribute names: their lengths and
// their ends.
func bucket(name string) uint32 {
	n := len(name)
	if n < 4 {
		return uint32(n)
	}
	end := name[n-4:]
	h := uint32(end[0]) | uint32(end[1])<<8 | uint32(end[2])<<16 | uint32(end[3])<<24
	return (h ^ uint32(n)) * 0x9e3779b1 >> 22
}

func (t *keyTable) find(name string) (slot, bool) {
	return t.findFrom(t.heads[bucket(name)%buckets], name)
}

func (t *keyTable) findFrom(head uint8, name string) (slot, bool) {
	for ; head != 0; head = t.next[(head-1)%maxSlots] {
		if s := (head - 1) % maxSlots; t.names[s] == name {
			return slot(s), true
		}
	}
	return 0, false
}

// found are the attributes of one place that matter. Only values whose bit is
// set in seen mean anything.
type found struct {
	seen   uint64
	values [maxSlots]pcommon.Value
}

// collect forgets what f held and finds what matters in m. Of two attributes
// with one name the first counts, as for pcommon.Map.Get.
func (t *keyTable) collect(m pcommon.Map, f *found) {
	var seen uint64
	lengths := t.lengths
	// As a call, All is cheaper than in a range clause, which checks at every
	// step that the loop is still on.
	m.All()(func(name string, v pcommon.Value) bool {
		if lengths>>(len(name)%64)&1 == 0 {
			return true // without a look at the name's bytes
		}
		head := t.heads[bucket(name)%buckets]
		if head == 0 {
			return true
		}
		s, ok := t.findFrom(head, name)
		if !ok || seen>>(s%maxSlots)&1 != 0 {
			return true
		}
		seen |= 1 << (s % maxSlots)
		f.values[s%maxSlots] = v
		return true
	})
	f.seen = seen
}

func (f *found) has(s slot) bool { return f.seen>>(s%maxSlots)&1 != 0 }

// any reports whether one of the slots in mask was seen.
func (f *found) any(mask uint64) bool { return f.seen&mask != 0 }

// str is the string at s; empty if there is none.
func (f *found) str(s slot) string {
	if !f.has(s) {
		return ""
	}
	return f.values[s%maxSlots].Str()
}

// strOr is the string at s, else that at old.
func (f *found) strOr(s, old slot) string {
	if v := f.str(s); v != "" {
		return v
	}
	return f.str(old)
}

// header is a captured header at s: a string, or the first of a slice.
func (f *found) header(s slot) string {
	if !f.has(s) {
		return ""
	}
	v, _ := firstString(f.values[s%maxSlots])
	return v
}

// firstString is v if it is a string, or its first element if that is one.
func firstString(v pcommon.Value) (string, bool) {
	if v.Type() == pcommon.ValueTypeSlice {
		elements := v.Slice()
		if elements.Len() == 0 {
			return "", false
		}
		v = elements.At(0)
	}
	return v.Str(), v.Type() == pcommon.ValueTypeStr
}
