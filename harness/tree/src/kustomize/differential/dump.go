
// What every run of a test was given and what came of it, as a line of JSON.
type dumpedRun struct {
	Test         string            `json:"test"`
	Path         string            `json:"path"`
	Files        map[string][]byte `json:"files"`
	Plugins      bool              `json:"plugins"`
	Unrestricted bool              `json:"unrestricted"`
	Labelled     bool              `json:"labelled"`
	Objects      []json.RawMessage `json:"objects"`
	Error        string            `json:"error"`
}

func (th Harness) dump(path string, o krusty.Options, m resmap.ResMap, err error) {
	if fmt.Sprintf("%T", th.fSys) != "*filesys.fsNode" {
		return // The disk of this machine.
	}
	run := dumpedRun{Test: th.t.Name(), Path: path, Files: map[string][]byte{}}
	run.Unrestricted = o.LoadRestrictions == types.LoadRestrictionsNone
	run.Labelled = o.AddManagedbyLabel
	run.Plugins = o.PluginConfig != nil && o.PluginConfig.PluginRestrictions == types.PluginRestrictionsNone
	_ = th.fSys.Walk("/", func(name string, info os.FileInfo, e error) error {
		if e == nil && !info.IsDir() {
			run.Files[name], e = th.fSys.ReadFile(name)
		}
		return e
	})
	if err != nil {
		run.Error = err.Error()
	} else {
		for _, r := range m.Resources() {
			object, e := r.MarshalJSON()
			if e != nil {
				run.Error = e.Error()
				break
			}
			run.Objects = append(run.Objects, object)
		}
	}
	line, e := json.Marshal(run)
	if e != nil {
		th.t.Fatal(e)
	}
	f, e := os.OpenFile(os.Getenv("KUSTOMIZE_RUNS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if e != nil {
		th.t.Fatal(e)
	}
	defer f.Close()
	if _, e = f.Write(append(line, '\n')); e != nil {
		th.t.Fatal(e)
	}
}
