// Package grafana has the dashboards as Go, from which the JSON in dashboards is made:
// `go generate ./grafana` in deploy.
package grafana

//go:generate go run ./gen

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// Dashboards are all that there are. It returns an error where the SDK finds one of them
// invalid.
func Dashboards() ([]dashboard.Dashboard, error) {
	var all []dashboard.Dashboard
	for _, board := range []func() (dashboard.Dashboard, error){enforcement, operations} {
		d, err := board()
		if err != nil {
			return nil, err
		}
		number(&d)
		all = append(all, d)
	}
	return all, nil
}

// number gives each panel an id of its own.
func number(d *dashboard.Dashboard) {
	next := uint32(1)
	give := func(id **uint32) {
		n := next
		*id = &n
		next++
	}
	for i := range d.Panels {
		if p := d.Panels[i].Panel; p != nil {
			give(&p.Id)
			continue
		}
		row := d.Panels[i].RowPanel
		row.Id = next
		next++
		for j := range row.Panels {
			give(&row.Panels[j].Id)
		}
	}
}
