package driver

// Story is what one user does.
type Story struct {
	Name string
	// Basic stories need a watcher that knows idle and absolute limits, logins
	// and ends. The others also need rotation, user-wide ends, requests inside
	// requests, streams, background work or passive requests.
	Basic bool
	play  func(*player)
}

// Stories lists them all.
var Stories = []Story{
	{Name: "shopper", Basic: true, play: shopper},
	{Name: "stranger", Basic: true, play: stranger},
	{Name: "idler", Basic: true, play: idler},
	{Name: "leaver", Basic: true, play: leaver},
	{Name: "stayer", Basic: true, play: stayer},
	{Name: "inflight", Basic: true, play: inflight},
	{Name: "stepup", Basic: true, play: stepup},
	{Name: "renewer", play: renewer},
	{Name: "mover", play: mover},
	{Name: "payer", play: payer},
	{Name: "listener", play: listener},
	{Name: "exporter", play: exporter},
	{Name: "watcher", play: watcher},
}

// BasicStories names the basic ones, for [Options].
func BasicStories() []string {
	var names []string
	for _, s := range Stories {
		if s.Basic {
			names = append(names, s.Name)
		}
	}
	return names
}
