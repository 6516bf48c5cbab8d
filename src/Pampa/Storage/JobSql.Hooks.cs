namespace Pampa.Storage;

/// <summary>What hooks are told.</summary>
internal sealed partial class JobSql
{
    /// <summary>Records as they are now: key, worker, attempts, error, then the record columns.</summary>
    public string ReadRecords => OfKey($"{KeysOut("t.")}, t.{Rid}, COALESCE(t.{N}, 0), t.{Err}{RecordOut}");
}
