// Package consolecmd has the commands that show in a terminal what a session console shows:
// findings, explain, and demo, which runs a collector on a recording.
package consolecmd
