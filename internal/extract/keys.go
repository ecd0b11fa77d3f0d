package extract

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

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
	slotURL
	slotStatus
	slotStatusOld
	slotRPCStatus
	slotRPCStatusOld
	slotCodeOld
	slotRPCMethod
	slotDestination
	slotRPCErrorOld
	slotRPCSystem
	slotRPCSystemOld
	slotRPCService
	slotErrorType
	slotLocation
	slotContentType
	slotDuration
	slotEventName
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
	slotURL:              "url.full",
	slotStatus:           "http.response.status_code",
	slotStatusOld:        "http.status_code",
	slotRPCStatus:        "rpc.response.status_code",
	slotRPCStatusOld:     "rpc.status_code",
	slotCodeOld:          "rpc.grpc.status_code",
	slotRPCMethod:        "rpc.method",
	slotDestination:      "messaging.destination.name",
	slotRPCErrorOld:      "rpc.jsonrpc.error_code",
	slotRPCSystem:        "rpc.system.name",
	slotRPCSystemOld:     "rpc.system",
	slotRPCService:       "rpc.service",
	slotErrorType:        "error.type",
	slotLocation:         "http.response.header.location",
	slotContentType:      "http.response.header.content-type",
	slotDuration:         "http.server.request.duration",
	slotEventName:        "event.name",
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
	heads   [buckets]uint8 // index+1 of a bucket's first name; 0 is none
	keys    [256]key       // by index+1: as many as no index of theirs exceeds
	count   int
	slots   int
}

type key struct {
	words  [4]uint64
	length int
	slot   slot
	next   uint8 // index+1 of the bucket's next name; 0 is none
	name   string
}

func newKeyTable() *keyTable {
	t := &keyTable{}
	for _, name := range builtinNames {
		t.add(name)
	}
	t.addHeader(builtinNames[slotContentType])
	t.put("http.url", slotURL)
	t.put("rpc.connect_rpc.error_code", slotCodeOld)
	return t
}

// add returns the slot of name, a new one if it has none; false if all slots
// are taken.
func (t *keyTable) add(name string) (slot, bool) {
	if s, ok := t.slotOf(name); ok {
		return s, true
	}
	if t.slots == maxSlots || t.count == len(t.keys)-1 {
		return 0, false
	}
	s := slot(t.slots)
	t.slots++
	t.put(name, s)
	return s, true
}

func (t *keyTable) slotOf(name string) (slot, bool) {
	for i := range t.count {
		if t.keys[i+1].name == name {
			return t.keys[i+1].slot, true
		}
	}
	return 0, false
}

func (t *keyTable) put(name string, s slot) {
	w, i := words(name), uint8(t.count)+1
	t.count++
	head := &t.heads[bucket(w[3], len(name))]
	t.keys[i], *head = key{w, len(name), s, *head, name}, i
	t.lengths |= 1 << (len(name) % 64)
}

// mostSpellings is how many spellings of a header's name are known. Of a name
// with more signs it is those with one sign throughout.
const mostSpellings = 16

// addHeader does as add, and lets the name of a header have hyphens or underscores:
// some instrumentations keep a header's hyphens, and others do not.
func (t *keyTable) addHeader(name string) (slot, bool) {
	all := spellings(name)
	s, ok := slot(0), false
	for _, spelling := range all {
		if s, ok = t.slotOf(spelling); ok {
			break
		}
	}
	if !ok {
		if s, ok = t.add(name); !ok {
			return 0, false
		}
	}
	for _, spelling := range all {
		if _, known := t.slotOf(spelling); known {
			continue
		}
		if t.count == len(t.keys)-1 {
			return 0, false
		}
		t.put(spelling, s)
	}
	return s, true
}

// spellings are those of an attribute, of which name is one.
func spellings(name string) []string {
	prefix, header := cutHeader(name)
	if header == "" {
		return []string{name}
	}
	all := []string{""}
	for i := range len(header) {
		signs := header[i : i+1]
		if signs == "-" || signs == "_" {
			signs = "-_"
		}
		var longer []string
		for _, s := range all {
			for j := range len(signs) {
				longer = append(longer, s+signs[j:j+1])
			}
		}
		if all = longer; len(all) > mostSpellings {
			all = []string{header, strings.ReplaceAll(header, "_", "-"), strings.ReplaceAll(header, "-", "_")}
			slices.Sort(all)
			all = slices.Compact(all)
			break
		}
	}
	for i := range all {
		all[i] = prefix + all[i]
	}
	return all
}

// words are the first sixteen bytes of name and the last sixteen, by which names
// of up to 32 are told apart; zero where name is too short for them. The last
// one is what there is, be it ever so short.
func words(name string) (w [4]uint64) {
	n := len(name)
	if n < 8 {
		w[3] = shortWord(name)
		return w
	}
	w[0], w[3] = word(name), word(name[n-8:])
	if n >= 16 {
		w[1], w[2] = word(name[8:]), word(name[n-16:])
	}
	return w
}

// shortWord is all of a name of less than eight bytes.
func shortWord(name string) (w uint64) {
	for i := range len(name) {
		w = w<<8 | uint64(name[i])
	}
	return w
}

// bucket hashes what differs most among attribute names: their lengths and
// their ends.
func bucket(last uint64, length int) uint64 {
	return (last ^ uint64(length)) * 0x9e3779b97f4a7c15 >> 54
}

// bucketOf is that of a text.
func bucketOf(text string) uint64 {
	n := len(text)
	if n < 8 {
		return bucket(shortWord(text), n)
	}
	return bucket(word(text[n-8:]), n)
}

// found are the attributes of one place that matter. Only values whose bit is
// set in seen mean anything.
type found struct {
	seen   uint64
	values [maxSlots]pcommon.Value
}

// collect forgets what f held and finds what matters in m. Of two attributes
// with one name the first counts, as for pcommon.Map.Get.
//
// It is where most of the time goes that a span takes, hence some liberties.
// All is called, since in a range clause it would check at every step that the
// loop is still on. The length comes first, to leave alone what cannot match.
// And names are compared by their words with the first key of their bucket, which
// is almost always the only one: a loop or a call for each would cost more.
func (t *keyTable) collect(m pcommon.Map, f *found) {
	var seen uint64
	m.All()(func(name string, v pcommon.Value) bool {
		n := len(name)
		if t.lengths>>(n%64)&1 == 0 {
			return true
		}
		var last uint64
		if n >= 8 {
			last = word(name[n-8:])
		} else {
			last = shortWord(name)
		}
		i := t.heads[bucket(last, n)]
		if i == 0 {
			return true
		}
		k := &t.keys[i]
		if k.words[3] != last || k.length != n ||
			n > 8 && k.words[0] != word(name) ||
			n > 16 && (n > 32 || k.words[1] != word(name[8:]) || k.words[2] != word(name[n-16:])) {
			if i = t.named(i, name); i == 0 {
				return true
			}
			k = &t.keys[i]
		}
		if s := k.slot % maxSlots; seen>>s&1 == 0 {
			seen |= 1 << s
			f.values[s] = v
		}
		return true
	})
	f.seen = seen
}

// named is the index of the key of this name, from i on.
func (t *keyTable) named(i uint8, name string) uint8 {
	for i != 0 && t.keys[i].name != name {
		i = t.keys[i].next
	}
	return i
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
