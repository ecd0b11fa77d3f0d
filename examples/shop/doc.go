// Package shop is a small web shop made of two services that share their
// sessions, as a real application for the collector to watch.
//
// The storefront logs people in and out and enforces every session limit. The
// ledger, which the browser calls with the same cookie, does so too, unless a
// [Fault] is switched on. Both are real HTTP servers on alexedwards/scs, each
// instrumented with the OpenTelemetry SDK under a resource of its own.
package shop
