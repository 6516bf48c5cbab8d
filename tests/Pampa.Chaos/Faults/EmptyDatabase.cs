using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Chaos.Work;

namespace Pampa.Chaos.Faults;

/// <summary>A database beside the one under fire, with nothing in it.</summary>
internal sealed class EmptyDatabase(string url, DbDataSource? source, string connection, Proxy? proxy = null) : IAsyncDisposable
{
    public string Url => url;

    public static async Task<EmptyDatabase> MakeAsync(World world, int number)
    {
        var name = $"empty{number}";
        if (world.Foreign is { } foreign)
        {
            await foreign.MakeAsync(name);
            var there = new NpgsqlConnectionStringBuilder(foreign.Place.Owner.ConnectionString) { Database = name };
            return new EmptyDatabase(Place.Url(new NpgsqlConnectionStringBuilder(there.ConnectionString) { MaxPoolSize = 3 }, "cockroachdb"),
                NpgsqlDataSource.Create($"{there.ConnectionString};Maximum Pool Size=1"), "");
        }
        if (world.Server is not { } server)
        {
            var path = Path.Combine(world.Folder, $"empty{number}.db");
            return new EmptyDatabase($"sqlite:{path}", null, $"Data Source={path};Pooling=False");
        }
        await Store.InsistAsync(() => world.Store.ExecuteAsync($"CREATE DATABASE {name}", CancellationToken.None), CancellationToken.None);
        // One of its own: what happens on the wire of the others is no part of this.
        var proxy = world.Shape.Profile == Profile.Portable ? new Proxy(server.Port) { Cockroach = new Cockroach() } : null;
        return new EmptyDatabase(Store.Invariant($"postgres://postgres@127.0.0.1:{proxy?.Port ?? server.Port}/{name}?sslmode=disable&Maximum%20Pool%20Size=3"),
            NpgsqlDataSource.Create($"{server.Settings};Database={name};Maximum Pool Size=1"), "", proxy);
    }

    public async Task<long> CountAsync(string query)
    {
        await using var opened = source is null ? new SqliteConnection(connection) : source.CreateConnection();
        await opened.OpenAsync();
        await using var command = opened.CreateCommand();
        command.CommandText = query;
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        if (source is not null) await source.DisposeAsync();
        if (proxy is not null) await proxy.DisposeAsync();
    }
}
