package shop

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/log"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// events tells of the life of sessions. They go through the logs API and not
// through slog, whose bridge cannot name an event.
type events struct{ logger log.Logger }

// started says that a session began, and which one it goes on from, if any.
func (e events) started(ctx context.Context, id, previous string) {
	attrs := []log.KeyValue{sessionID(id)}
	if previous != "" {
		attrs = append(attrs, log.String(string(semconv.SessionPreviousIDKey), previous))
	}
	e.emit(ctx, "session.start", "A session began.", attrs...)
}

func (e events) loggedIn(ctx context.Context, id, user string) {
	e.emit(ctx, "authn_login_success", "A user logged in.", sessionID(id), log.String(string(semconv.UserIDKey), user))
}

func (e events) ended(ctx context.Context, id string) {
	e.emit(ctx, "session.end", "A session ended.", sessionID(id))
}

// cleared says that every session of the user ended, but the one named.
func (e events) cleared(ctx context.Context, id, user string) {
	e.emit(ctx, "user.session.clear", "The other sessions of a user ended.", sessionID(id), log.String(string(semconv.UserIDKey), user))
}

func (e events) emit(ctx context.Context, name, body string, attrs ...log.KeyValue) {
	var r log.Record
	r.SetEventName(name)
	r.SetTimestamp(time.Now())
	r.SetSeverity(log.SeverityInfo)
	r.SetBody(log.StringValue(body))
	r.AddAttributes(attrs...)
	e.logger.Emit(ctx, r)
}

func sessionID(id string) log.KeyValue { return log.String(string(semconv.SessionIDKey), id) }
