package advice

import (
	"maps"
	"time"
)

// Counts are what the processor counts anyway, since it started.
type Counts struct {
	Services map[string]ServiceCounts
	// Logins are authentications and starts, Ends ended sessions and users.
	Logins, Ends int64
	// Facts are all that were taken, RefusedTimes those that were not because of
	// their time.
	Facts, RefusedTimes int64
	// Requests are those facts that are, Sessions all that were ever met.
	Requests, Sessions int64
	// For is since when all of this was counted.
	For time.Duration
}

// ServiceCounts are those of one service.
type ServiceCounts struct {
	RequestWithID, RequestWithoutID, OtherWithID, LogNotUnderstood int64
	// Decided are requests with a verdict, Indeterminate those of them that prove
	// nothing.
	Decided, Indeterminate int64
}

func (c *Counts) clone() *Counts {
	d := *c
	d.Services = maps.Clone(c.Services)
	return &d
}

// since are the counts without those of an earlier time, nil for none. Whether
// anything ever logged in or ended stays as it is: it may be night.
func (c *Counts) since(before *Counts) *Counts {
	if before == nil {
		return c
	}
	d := *c
	d.Facts -= before.Facts
	d.RefusedTimes -= before.RefusedTimes
	d.Requests -= before.Requests
	d.Sessions -= before.Sessions
	d.For -= before.For
	d.Services = make(map[string]ServiceCounts, len(c.Services))
	for name, s := range c.Services {
		b := before.Services[name]
		d.Services[name] = ServiceCounts{
			s.RequestWithID - b.RequestWithID, s.RequestWithoutID - b.RequestWithoutID, s.OtherWithID - b.OtherWithID,
			s.LogNotUnderstood - b.LogNotUnderstood, s.Decided - b.Decided, s.Indeterminate - b.Indeterminate,
		}
	}
	return &d
}
