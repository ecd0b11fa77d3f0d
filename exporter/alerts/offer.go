package alerts

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxBatch is how many alerts go into one request. Alertmanager answers 400 to a request with one invalid
// alert among valid ones, so the fewer there are, the less such an answer says nothing about.
const maxBatch = 64

// offer is a wish to send an alert to one Alertmanager. It is all that the sending queue holds: what the
// alert says is put together at the moment it is sent, so that nothing grows stale while it waits.
type offer struct {
	identity identity
	at       pcommon.Timestamp // of two offers of one alert, only the later is worth sending
}

// encodeOffers makes log records of offers, since that is what the queue can write to a disk.
func encodeOffers(offers []offer) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(len(offers))
	for _, o := range offers {
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
func decodeOffers(logs plog.Logs) []offer {
	offers := make([]offer, 0, logs.LogRecordCount())
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				o := offer{at: record.Timestamp()}
				for _, f := range o.identity.fields() {
					if value, ok := record.Attributes().Get(f.label); ok {
						*f.value = value.Str()
					}
				}
				offers = append(offers, o)
			}
		}
	}
	return offers
}
