import time, pytest
from policies import imports
pytestmark = pytest.mark.django_db
def test_speed():
    raw="ref,first_name,last_name,email,phone,zone,country,attr.tier,consent.email.marketing,consent_source,consent_proof\n"+"".join(f"c-{i},Ada,King,a{i}@example.org,+1212555{i:04},America/New_York,US,gold,express,form,rec {i}\n" for i in range(2000))
    t=time.perf_counter(); from policies import contact_file; contact_file.read(raw); print("read", (time.perf_counter()-t)/2000*1e6)
    import cProfile,pstats
    t=time.perf_counter(); imports.import_contacts(actor="cli", raw=raw.encode()); print("import", (time.perf_counter()-t)/2000*1e6)
    t=time.perf_counter(); imports.import_contacts(actor="cli", raw=raw.encode()); print("again", (time.perf_counter()-t)/2000*1e6)
    raw="\n".join(f"x{i}@example.org" for i in range(2000))
    t=time.perf_counter(); imports.import_suppressions(actor="cli", raw=raw.encode()); print("suppr", (time.perf_counter()-t)/2000*1e6)
