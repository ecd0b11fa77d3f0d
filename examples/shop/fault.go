package shop

// Fault is something that the ledger gets wrong about sessions. Each brings
// about one type of violation and no other.
type Fault string

// The faults.
const (
	// IdleCache goes on serving a session that was idle for too long, from a
	// copy that the ledger made of it.
	IdleCache Fault = "idle-cache"
	// IgnoreLogout goes on serving a session from that copy after logout.
	IgnoreLogout Fault = "ignore-logout"
	// RearmAbsolute lets every request start the absolute limit of the copy anew.
	RearmAbsolute Fault = "rearm-absolute"
	// KeepRotated goes on serving an id that was exchanged for a new one.
	KeepRotated Fault = "keep-rotated"
	// IgnoreClear goes on serving a user's other sessions after the password
	// was changed.
	IgnoreClear Fault = "ignore-clear"
	// StreamOutlivesLogout leaves an event stream open after logout and takes
	// messages for it.
	StreamOutlivesLogout Fault = "stream-outlives-logout"
	// JobsOutliveLogout runs the jobs that a session left behind.
	JobsOutliveLogout Fault = "jobs-outlive-logout"
	// PollingKeepsAlive counts the page's own polling as use of the session.
	PollingKeepsAlive Fault = "polling-keeps-alive"
)

// Faults lists them all.
var Faults = []Fault{
	IdleCache, IgnoreLogout, RearmAbsolute, KeepRotated, IgnoreClear,
	StreamOutlivesLogout, JobsOutliveLogout, PollingKeepsAlive,
}
