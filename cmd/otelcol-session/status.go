package main

import (
	"errors"
	"fmt"
	"io"
)

// The statuses that a command of ours ends with.
const (
	statusFound   = 1 // there is something to report
	statusUnknown = 2 // it cannot say
	statusError   = 3
)

// exitError ends the program with a status. Without a reason nothing is printed:
// the command has said what there is to say.
type exitError struct {
	status int
	reason error
}

func (e exitError) Error() string {
	if e.reason == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.reason.Error()
}

func (e exitError) Unwrap() error { return e.reason }

// report prints why a command failed and returns the status to end with.
func report(err error, w io.Writer) int {
	if err == nil {
		return 0
	}
	status, silent := statusError, false
	if exit, ok := errors.AsType[exitError](err); ok {
		status, silent = exit.status, exit.reason == nil
	}
	if !silent {
		fmt.Fprintln(w, "Error:", err)
	}
	return status
}
