package session

// nest finds out what the request lies inside: it starts when the longest
// request around it starts, and is exempt if any around it is.
func (e *Engine) nest(r *record, hash uint64) {
	r.Eff, r.around = r.Start, -1
	r.state &^= exempted | framed | crowded
	if !r.identified() {
		return
	}
	all := e.ring(r.session).kin(hash, func(o *record) bool {
		r.nestIn(o)
		return true
	})
	if !all && r.around < 0 {
		r.state |= crowded
	}
}

// nestIn notes that o is known, which r may lie inside.
func (r *record) nestIn(o *record) {
	switch {
	case r.exemptWith(o):
		r.state |= exempted
		return
	case o.kind != Request || !r.inside(o):
		return
	}
	if d := o.End - o.Start; d > r.around || d == r.around && o.Start < r.Eff {
		if o.Start != r.Eff {
			r.state &^= framed
		}
		r.Eff, r.around = o.Start, d
	}
	if o.Start == r.Eff && o.isActivity() {
		r.state |= framed
	}
}

// nestOthers lets the requests that lie inside o, or did when it was known as
// was, start where they do now.
func (e *Engine) nestOthers(t *timeline, o, was *record, hash uint64) (due dueFor) {
	if o.kind != Exempt && o.Start == o.End && was.Start == was.End {
		return 0
	}
	visit := func(r *record) {
		if r.kind != Request || !r.inside(o) && !r.inside(was) && !r.exemptWith(o) {
			return
		}
		eff, state := r.Eff, r.state
		e.touchRecord(r)
		if o == was {
			r.nestIn(o)
		} else {
			e.nest(r, hash)
		}
		if r.Eff == eff && r.state == state {
			return
		}
		due |= lineDue
		if r.Eff > eff || r.state != state || r.state&framed == 0 {
			due |= rebuildDue // what it said before no longer holds
		} else if r.isEvidence() {
			e.apply(t, r)
		}
	}
	e.ring(o.session).kin(hash, func(r *record) bool { visit(r); return true })
	if t.suspects > 0 {
		for _, s := range e.suspects[o.session] {
			visit(&s.record)
		}
	}
	return due
}
