package main

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

//go:embed baton.yaml agreement.yaml directory.yaml
var files embed.FS

// owners are the reps with a named account each, in the order of the accounts. The first is away: what then happens is
// worth seeing.
func owners() []string { return []string{"bo", "ana", "dag", "cleo", "bo"} }

// writeKey of the website.
const writeKey = "wk_demo"

// secrets of one run.
type secrets struct{ Nurture, Webinars, Deals, CRM string }

func newSecrets() secrets {
	return secrets{Nurture: newSecret(), Webinars: newSecret(), Deals: newSecret(), CRM: newSecret()}
}

func newSecret() string {
	key := make([]byte, 24)
	_, _ = rand.Read(key) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// settings fill the sample configuration in.
type settings struct {
	ports
	CRM     string // its address
	Secrets secrets
	// Accounts are the named ones.
	Accounts                   []*Company
	Month, Yesterday, NextWeek string
}

func newSettings(w *Week, p ports, crm string, s secrets) settings {
	return settings{
		ports: p, CRM: crm, Secrets: s, Accounts: w.Companies[:len(owners())],
		Month: w.To.Format("2006-01"), Yesterday: w.To.AddDate(0, 0, -1).Format(time.DateOnly), NextWeek: w.To.AddDate(0, 0, 7).Format(time.DateOnly),
	}
}

// write puts the configuration into a folder and gives the path of its main file.
func (s settings) write(dir string) (string, error) {
	all, err := template.ParseFS(files, "*.yaml")
	if err != nil {
		return "", fmt.Errorf("read the sample configuration: %w", err)
	}
	for _, t := range all.Templates() {
		f, err := os.OpenFile(filepath.Join(dir, t.Name()), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return "", fmt.Errorf("write the configuration: %w", err)
		}
		if err := t.Execute(f, s); err != nil {
			f.Close()
			return "", fmt.Errorf("write %s: %w", t.Name(), err)
		}
		if err := f.Close(); err != nil {
			return "", fmt.Errorf("write %s: %w", t.Name(), err)
		}
	}
	return filepath.Join(dir, "baton.yaml"), nil
}
