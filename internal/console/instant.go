package console

import (
	"fmt"
	"time"
)

// Instant is nanoseconds since the Unix epoch; 0 is none. In JSON it is a text in RFC 3339
// with nanoseconds, in UTC, since a JSON number does not hold so many digits.
type Instant int64

// Time returns i in UTC.
func (i Instant) Time() time.Time { return time.Unix(0, int64(i)).UTC() }

// MarshalText writes i.
func (i Instant) MarshalText() ([]byte, error) {
	if i == 0 {
		return nil, nil
	}
	return []byte(i.Time().Format("2006-01-02T15:04:05.000000000Z")), nil
}

// UnmarshalText reads what MarshalText wrote, or any other time in RFC 3339.
func (i *Instant) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = 0
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("must be a time in RFC 3339, such as 2026-11-27T08:00:00Z (got %q)", text)
	}
	*i = Instant(t.UnixNano())
	return nil
}
