package session

import (
	"errors"
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// ErrOtherKey is an error of [Restore]: the ids of what is stored were hashed with
// another key.
var ErrOtherKey = errors.New("other_key")

// LostChunk is a chunk that could not be read.
type LostChunk struct {
	Key    string
	Reason string // a reason of wire, or shards
}

// Restored says what [Restore] found.
type Restored struct {
	Found bool // there was a manifest
	// At is the instant on the collector's clock up to which everything is
	// contained: that at which the checkpoint began. 0 if the manifest is lost.
	At       int64
	Sessions int
	Lost     []LostChunk
}

// restorer puts together an engine. What is stored is numbered as the engine
// was that stored it.
type restorer struct {
	e        *Engine
	manifest manifest
	get      func(key string) ([]byte, error)
	now      int64
	res      Restored

	policies   []uint8           // by stored number
	services   []uint32          // by stored number - 1
	resources  map[uint32]uint32 // by stored number
	shards     []shardRestorer   // by stored number
	suspected  []fact.ID         // the sessions that had suspects
	suspects   map[uint64]*suspect
	unplaced   []*suspect // read, and not yet among the engine's
	closed     []*closedFinding
	dirtyUsers []userEnd // when the last end of each came, not yet held against its sessions
	// The ends of users, and when they came.
	userEnds     map[fact.ID][]ending
	userEndsCame map[fact.ID][]int64
	// sameConfig: policies and services are what they were, and so is what
	// compacted sessions amount to.
	sameConfig   bool
	older        bool // an older version wrote the manifest, and perhaps other chunks
	callersKnown bool // who called is known as it was
}

// shardRestorer reads what was stored of one shard. What concerns others, too, it
// only notes, so that shards can be read in parallel.
type shardRestorer struct {
	*restorer
	number int
	alone  bool           // its sessions go where they were, in the shard of its number
	slots  []uint32       // by stored number, unless alone; NoSlot: not there
	read   compact.BitSet // slots of which is known what was there last
	lost   []LostChunk
	err    error // of get

	links     []sessionLink
	dirty     []uint32 // places
	suspected []fact.ID
	block     []storedSession // reused
	scratch   timeline
	touched   uint64 // keeps loads alive
}

// sessionLink is a session that showed a user.
type sessionLink struct {
	user  fact.ID
	place uint32
}

// Restore makes an engine of what the checkpoints of another stored. get
// returns nil and no error for what is not there; it is called concurrently
// where Config.SideBySide calls so. What cannot be read is left
// out and reported, the rest is restored; no verdict rests on what was lost. A
// smaller limit than there was keeps the newest records and evicts sessions.
// An error is one of get, or says that what is stored is not for this engine:
// [wire.ErrNewer], [wire.ErrOlder] or [ErrOtherKey].
func Restore(cfg Config, get func(key string) ([]byte, error), now int64) (*Engine, Restored, error) {
	e := New(cfg)
	e.work.allow(math.MaxInt)
	r := &restorer{
		e: e, get: get, now: now, resources: map[uint32]uint32{0: 0}, suspects: map[uint64]*suspect{},
		userEnds: map[fact.ID][]ending{}, userEndsCame: map[fact.ID][]int64{},
	}
	value, err := get(manifestKey)
	if err != nil {
		return nil, Restored{}, err
	}
	if value == nil {
		return r.e, Restored{}, nil
	}
	r.res.Found = true
	body, _, err := openChunk(value, manifestKey, kindManifest)
	if errors.Is(err, wire.ErrNewer) || errors.Is(err, wire.ErrOlder) {
		return nil, r.res, err
	}
	if err == nil {
		r.older = body.Version < wire.Version
		r.manifest, err = readManifest(&body)
	}
	if err != nil {
		r.lose(manifestKey, err)
		r.e.restartedAt(now)
		return r.e, r.res, nil
	}
	if r.manifest.keyID != cfg.KeyID {
		return nil, r.res, ErrOtherKey
	}
	r.res.At = r.manifest.at
	if err := r.read(); err != nil {
		return nil, r.res, err
	}
	r.res.Sessions = r.e.sessions()
	return r.e, r.res, nil
}

// read reads everything but the manifest.
func (r *restorer) read() error {
	e, h := r.e, &r.manifest
	r.mapPolicies()
	e.observed.Store(h.observed)
	e.restarted, e.blinds = h.restarted, h.blinds
	e.authenticated = r.policySet(h.authenticated)
	for i, now := range r.policies {
		if now != fact.NoPolicy {
			e.watched[now] = h.watched[i]
		}
	}
	e.tombstones.raise(h.tombstoneFloor)
	sameLanes := r.layShards()
	var lost [kindCount]bool
	for _, x := range [...]struct {
		kind chunkKind
		read func(d *wire.Decoder)
	}{
		{kindServices, r.readServices},
		{kindGenerations, r.e.tombstones.readGenerations},
		{kindFingerprints, r.e.tombstones.displaced.readCells},
		{kindTombstones, r.readTombstones},
		{kindUsers, r.readUsers},
		{kindCallers, r.readCallers},
		{kindSessions, nil},
		{kindSuspects, r.readSuspects},
		{kindFindings, r.readSuspects},
		{kindClosed, r.readSuspects},
	} {
		var err error
		if x.kind == kindSessions {
			lost[x.kind], err = r.readShards((*shardRestorer).readSessions)
		} else {
			lost[x.kind], err = r.readAll(x.kind, x.read)
		}
		switch x.kind {
		case kindUsers:
			r.addUserEnds()
		case kindSessions:
			r.orderDirty()
		}
		if x.kind == kindServices {
			r.sameConfig = !lost[x.kind] && slices.Equal(h.policies, manifestPolicies(e.cfg.Policies))
			for i, now := range r.services {
				r.sameConfig = r.sameConfig && int(now) == i+1
			}
		}
		if err != nil {
			return err
		}
	}
	r.addSuspects()
	r.addClosed()
	r.discardUnfound()
	lost[kindRecent] = lost[kindServices] // what is not known to come from where
	if !sameLanes {
		r.res.Lost = append(r.res.Lost, LostChunk{chunkKindNames[kindRecent], "shards"})
		lost[kindRecent] = true
	}
	if !lost[kindRecent] {
		bad, err := r.readShards((*shardRestorer).readRecent)
		if err != nil {
			return err
		}
		lost[kindRecent] = bad
	}
	r.linkRecent()
	for _, due := range r.dirtyUsers {
		e.markSessionsDirty(due.user, due.at)
	}
	if len(e.blinds) > 0 {
		e.blinded = e.suspects.decided.Front()
	}
	r.tidyUsers()
	if lost[kindServices] || lost[kindCallers] || !r.callersKnown {
		r.forgetCallers()
	}
	e.stored = h.ranges
	e.tombstones.touchAll() // they may lie elsewhere now
	e.users.touchRanges(int(e.users.used))
	e.callers.touchRanges(len(e.callers.seen) / bucketSize)
	asStored := r.sameConfig && r.shards[0].alone && len(r.res.Lost) == 0 && !r.older
	e.each(func(l *shard) { // it may lie elsewhere now, or say something else
		l.changed.recent.SetAll(len(h.ranges[kindRecent]))
		if !asStored {
			l.changed.sessions.SetAll(int(l.sessions.slots))
		}
	})
	if lost[kindSessions] || lost[kindGenerations] || lost[kindFingerprints] || lost[kindTombstones] || lost[kindRecent] {
		e.restartedAt(max(e.restarted, h.at))
	}
	if lost[kindRecent] {
		r.doubtTorn()
	}
	if lost[kindSessions] {
		r.doubtOrphans()
	}
	return nil
}

// readAll reads the ranges of a kind that has nothing to do with shards.
func (r *restorer) readAll(kind chunkKind, read func(*wire.Decoder)) (lost bool, err error) {
	if kind == kindSuspects {
		r.discardSuspects()
	}
	for n := range r.manifest.ranges[kind] {
		bad, err := r.readRange(kind, n, read, r.lose)
		if err != nil {
			return lost, err
		}
		lost = lost || bad
	}
	return lost, nil
}

// readRange reads the chunks of one range, what changed last first, and says
// whether one of them is lost: then what is older is not to be relied on.
func (r *restorer) readRange(kind chunkKind, n int, read func(*wire.Decoder), lose func(string, error)) (lost bool, err error) {
	for _, stored := range slices.Backward(r.manifest.ranges[kind][n].deltas) {
		for part, sum := range stored.parts {
			key := chunkKey(kind, n, part, stored.copy)
			value, err := r.get(key)
			if err != nil {
				return false, err
			}
			d, have, bad := openChunk(value, key, kind)
			if bad == nil && have != sum {
				bad = wire.ErrCorrupt // it is whole, but not the one that the manifest means
			}
			if bad == nil {
				read(&d)
				bad = d.End()
			}
			if bad != nil {
				lose(key, bad)
				lost = true
			}
		}
		if lost {
			break
		}
	}
	return lost, nil
}

func (r *restorer) lose(key string, why error) {
	r.res.Lost = append(r.res.Lost, LostChunk{key, why.Error()})
}

// mapPolicies finds out what the stored policies are called now. One that is
// gone governs nothing any more.
func (r *restorer) mapPolicies() {
	for _, p := range r.manifest.policies {
		now := uint8(fact.NoPolicy)
		for i := range r.e.cfg.Policies {
			if r.e.cfg.Policies[i].Name == p.name {
				now = uint8(i)
			}
		}
		r.policies = append(r.policies, now)
	}
}

func (r *restorer) policy(stored uint8) uint8 {
	if int(stored) < len(r.policies) {
		return r.policies[stored]
	}
	return fact.NoPolicy
}

func (r *restorer) policySet(stored uint64) (set uint64) {
	if stored == ^uint64(0) {
		return stored
	}
	for i, now := range r.policies {
		if stored&(1<<i) != 0 && now != fact.NoPolicy {
			set |= 1 << now
		}
	}
	return set
}

func (r *restorer) service(stored uint32) uint32 {
	if stored > 0 && int(stored) <= len(r.services) {
		return r.services[stored-1]
	}
	return 0
}

func (r *restorer) slot(shard int, stored uint32) uint32 {
	l := &r.shards[shard]
	if l.alone {
		if t := &r.e.shards[shard].sessions; stored < t.slots && t.entry(stored).flags&taken != 0 {
			return stored
		}
	} else if int(stored) < len(l.slots) {
		return l.slots[stored]
	}
	return compact.NoSlot
}

func (r *restorer) endings(list []ending) []ending {
	list = list[:min(len(list), maxInstants)]
	for i := range list {
		list[i].service = r.service(list[i].service)
	}
	slices.SortStableFunc(list, compareEnding)
	return list
}
