package alerts

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxBatch is how many alerts go into one request. Alertmanager answers 400 to a request with one invalid
// alert among valid ones, so the fewer there are, the less such an answer says nothing about.
const maxBatch = 64

// sendRequest is a request to send an alert to one Alertmanager. It is all that the sending queue holds: what the
// alert says is put together at the moment it is sent, so that nothing grows stale while it waits.
type sendRequest struct {
	identity identity
	at       pcommon.Timestamp // of two requests of one alert, only the later is worth sending
}

// encodeRequests makes log records of requests, since that is what the queue can write to a disk.
func encodeRequests(requests []sendRequest) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(len(requests))
	for _, o := range requests {
		record := records.AppendEmpty()
		record.SetTimestamp(o.at)
		for _, f := range o.identity.fields() {
			if *f.value != "" {
				record.Attributes().PutStr(f.label, *f.value)
			}
		}
	}
	return logs
}

// decodeOffers reads them back, from one request or from several that the queue has joined.
func decodeRequests(logs plog.Logs) []sendRequest {
	requests := make([]sendRequest, 0, logs.LogRecordCount())
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				o := sendRequest{at: record.Timestamp()}
				for _, f := range o.identity.fields() {
					if value, ok := record.Attributes().Get(f.label); ok {
						*f.value = value.Str()
					}
				}
				requests = append(requests, o)
			}
		}
	}
	return requests
}
