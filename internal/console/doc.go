// Package console has what the session_timeout processor hands to the session_console
// extension, and what the extension's API says: the types that processor, extension and
// command share. It knows neither the engine nor HTTP.
package console
